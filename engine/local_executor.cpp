#include "engine/local_executor.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <map>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include "engine/pack.h"
#include "engine/worker.h"
#include "kernels/base/error.h"

namespace caviar {

namespace {

// A queue, worker threads, and the runs that wait at a rung for a decision. Everything but training happens under one
// mutex; a rung is long beside it.
class LocalExecutor final : public Executor {
 public:
  LocalExecutor(std::shared_ptr<const Dataset> data, int threads) : data_(std::move(data)) {
    if (threads < 1) fail("threads is ", threads, "; at least 1 is needed.");
    for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }

  ~LocalExecutor() override {
    {
      std::lock_guard lock(mutex_);
      quitting_ = interrupt_ = true;
      wake_.notify_all();
    }
    for (std::thread& t : threads_) t.join();
  }

  int room() const override {
    std::lock_guard lock(mutex_);
    return std::max(0, 2 * static_cast<int>(threads_.size()) - static_cast<int>(queue_.size()));
  }

  void submit(RunOrder order) override {
    check_cpu_order(order, *data_);
    std::lock_guard lock(mutex_);
    queue_.push_back(std::move(order));
    wake_.notify_all();
  }

  void stop(std::int64_t run) override {
    std::lock_guard lock(mutex_);
    std::erase_if(queue_, [&](const RunOrder& order) { return order.run == run; });
    if (const auto it = waiting_.find(run); it != waiting_.end()) it->second = Decision::kStop;
    wake_.notify_all();
  }

  std::vector<Report> advance(std::chrono::milliseconds max_wait) override {
    std::unique_lock lock(mutex_);
    for (auto& [run, decision] : waiting_)
      if (decision == Decision::kDelivered) decision = Decision::kGoOn;
    wake_.notify_all();
    changed_.wait_for(lock, max_wait, [this] { return !reports_.empty() || failure_; });
    if (reports_.empty() && failure_) std::rethrow_exception(failure_);
    for (const Report& r : reports_)
      if (const auto it = waiting_.find(r.run); it != waiting_.end()) it->second = Decision::kDelivered;
    return std::exchange(reports_, {});
  }

  std::vector<Parked> drain() override {
    std::unique_lock lock(mutex_);
    still_to_hand_back_ = threads_.size();
    ++drain_;
    interrupt_ = true;
    wake_.notify_all();
    changed_.wait(lock, [this] { return still_to_hand_back_ == 0; });
    interrupt_ = false;
    std::vector<Parked> parked = std::exchange(parked_, {});
    for (RunOrder& order : queue_) parked.push_back({order.run, 0, std::move(order.resume)});
    queue_.clear();
    waiting_.clear();
    std::sort(parked.begin(), parked.end(), [](const Parked& a, const Parked& b) { return a.run < b.run; });
    return parked;
  }

  void keep_states(bool on) override { keep_states_ = on; }

 private:
  // Of a run at a rung: not yet seen by the caller, seen, and what was decided.
  enum class Decision { kReported, kDelivered, kGoOn, kStop };

  void work() {
    Worker worker(data_);
    std::size_t drains_seen = 0;
    std::unique_lock lock(mutex_);
    while (!quitting_) {
      if (drains_seen != drain_) {
        drains_seen = drain_;
        unlocked(
            lock, [&] { return worker.hand_back(); }, parked_);
        --still_to_hand_back_;
        changed_.notify_all();
        continue;
      }
      carry_out_decisions(worker);
      if (!interrupt_ && worker.has_ready()) {
        std::vector<Report> reports;
        unlocked(
            lock, [&] { return worker.advance(interrupt_, keep_states_); }, reports);
        for (Report& report : reports) {
          if (!report.last) waiting_[report.run] = Decision::kReported;
          reports_.push_back(std::move(report));
        }
        changed_.notify_all();
      } else if (!interrupt_ && !failure_ && !queue_.empty() && worker.has_room()) {
        const RunOrder order = std::move(queue_.front());
        queue_.pop_front();
        std::vector<Report> none;
        unlocked(
            lock, [&] { return admit(worker, order); }, none);
      } else {
        wake_.wait(lock);
      }
    }
  }

  // Calls `what` without the lock and appends what it returns; an exception is kept for the caller of advance().
  template <class What, class Into>
  void unlocked(std::unique_lock<std::mutex>& lock, const What& what, Into& into) {
    lock.unlock();
    Into result;
    std::exception_ptr problem;
    try {
      result = what();
    } catch (...) {
      problem = std::current_exception();
    }
    lock.lock();
    std::move(result.begin(), result.end(), std::back_inserter(into));
    if (!problem) return;
    if (!failure_) failure_ = problem;
    changed_.notify_all();
  }

  static std::vector<Report> admit(Worker& worker, const RunOrder& order) {
    try {
      worker.admit(order);
    } catch (const std::bad_alloc&) {
      fail("A run with hidden_size ", order.key.hidden_size, ", num_layers ", order.key.num_layers,
           " does not fit in memory. Use fewer --threads; what was recorded is safe, go on with --resume.");
    }
    return {};
  }

  void carry_out_decisions(Worker& worker) {
    std::erase_if(waiting_, [&](const auto& entry) {
      const auto& [run, decision] = entry;
      const bool decided = decision == Decision::kGoOn || decision == Decision::kStop;
      if (!decided || !worker.holds(run)) return false;
      decision == Decision::kGoOn ? worker.go_on(run) : worker.stop(run);
      return true;
    });
  }

  std::shared_ptr<const Dataset> data_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;     // of workers
  std::condition_variable changed_;  // of the caller
  std::deque<RunOrder> queue_;
  std::map<std::int64_t, Decision> waiting_;
  std::vector<Report> reports_;
  std::vector<Parked> parked_;
  std::exception_ptr failure_;
  std::size_t drain_ = 0;               // how many drains were asked for
  std::size_t still_to_hand_back_ = 0;  // workers
  bool quitting_ = false;
  std::atomic<bool> interrupt_ = false;
  std::atomic<bool> keep_states_ = false;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace

std::unique_ptr<Executor> make_local_executor(std::shared_ptr<const Dataset> data, int threads) {
  return std::make_unique<LocalExecutor>(std::move(data), threads);
}

}  // namespace caviar
