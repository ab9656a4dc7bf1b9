// Runs given out to workers, one thread each: a core or a GPU.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "engine/executor.h"
#include "engine/slot_state.h"
#include "kernels/base/error.h"

namespace caviar {

// A worker's device is gone and with it what the worker held. Its runs go to other workers.
class WorkerLost : public Error {
 public:
  using Error::Error;
};

// A queue, worker threads, and the runs that wait at a rung for a decision. Everything but training happens under one
// mutex; a rung is long beside it. Which worker trains a run changes no bit of it.
//
// Worker: take() out of the queue, admit(), go_on(), stop(), holds(), has_ready(), advance(), hand_back(), all called
// from its own thread, in which it is also made; kQueuedRuns. What it throws ends the executor, but for WorkerLost.
template <class Worker>
class ExecutorOf final : public Executor {
 public:
  using MakeWorker = std::function<std::unique_ptr<Worker>()>;
  using CheckOrder = std::function<void(const RunOrder&)>;  // throws Error for what cannot be trained here
  using Say = std::function<void(const std::string&)>;      // tells the user what happened; may be empty

  ExecutorOf(std::vector<MakeWorker> workers, CheckOrder check, Say say)
      : check_(std::move(check)), say_(std::move(say)), working_(static_cast<int>(workers.size())) {
    for (MakeWorker& make : workers) threads_.emplace_back([this, make = std::move(make)] { work(make); });
  }

  ~ExecutorOf() override {
    {
      std::lock_guard lock(mutex_);
      quitting_ = interrupt_ = true;
      wake_.notify_all();
    }
    for (std::thread& t : threads_) t.join();
  }

  int room() const override {
    std::lock_guard lock(mutex_);
    return std::max(0, Worker::kQueuedRuns * working_ - static_cast<int>(queue_.size() + arrivals_.size()));
  }

  void submit(RunOrder order) override {
    check_(order);
    std::lock_guard lock(mutex_);
    arrivals_.push_back(std::move(order));
  }

  void stop(std::int64_t run) override {
    std::lock_guard lock(mutex_);
    const auto is_it = [&](const RunOrder& order) { return order.run == run; };
    std::erase_if(arrivals_, is_it);
    if (std::erase_if(queue_, is_it) > 0) in_hand_.erase(run);
    if (waiting_.erase(run) == 0) return;
    // Forgotten at once, so that it may be submitted again before its worker has time to let go of it.
    if (const auto it = in_hand_.find(run); it != in_hand_.end()) {
      if (it->second.holder) to_evict_.emplace_back(it->second.holder, run);
      in_hand_.erase(it);
    }
    wake_.notify_all();
  }

  std::vector<Report> advance(std::chrono::milliseconds max_wait) override {
    std::unique_lock lock(mutex_);
    // Runs that were submitted together are given out together, so that a GPU sees how many there are.
    std::move(arrivals_.begin(), arrivals_.end(), std::back_inserter(queue_));
    arrivals_.clear();
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
    still_to_hand_back_ = working_;
    ++drain_;
    interrupt_ = true;
    wake_.notify_all();
    changed_.wait(lock, [this] { return still_to_hand_back_ == 0; });
    interrupt_ = false;
    std::vector<Parked> parked = std::exchange(parked_, {});
    for (std::deque<RunOrder>* orders : {&arrivals_, &queue_}) {
      for (RunOrder& order : *orders) parked.push_back({order.run, 0, 0, std::move(order.resume)});
      orders->clear();
    }
    for (const auto& [run, hand] : in_hand_)  // lost at a rung, before a decision came
      if (!hand.holder && waiting_.contains(run)) parked.push_back({run, 0, 0, hand.order.resume});
    for (Parked& run : parked) run.rung = rung_of(run.state);
    in_hand_.clear();
    waiting_.clear();
    std::sort(parked.begin(), parked.end(), [](const Parked& a, const Parked& b) { return a.run < b.run; });
    return parked;
  }

  void keep_states(bool on) override { keep_states_ = on; }

 private:
  // Of a run at a rung: not yet seen by the caller, seen, and what was decided.
  enum class Decision { kReported, kDelivered, kGoOn };
  // A run that was given out. Without a holder it is in the queue again, or, when its worker was lost while it waited
  // at a rung, in waiting_ alone.
  struct InHand {
    RunOrder order;
    const Worker* holder = nullptr;
    std::int32_t reported = -1;  // last rung that the caller has been told of
  };

  void work(const MakeWorker& make) {
    std::unique_ptr<Worker> worker;
    std::size_t drains_seen = 0;
    std::unique_lock lock(mutex_);
    try {
      unlocked(lock, [&] { worker = make(); });
      while (!quitting_) {
        evict_stopped(*worker);
        if (drains_seen != drain_) {
          const std::size_t drain = drain_;
          std::vector<Parked> parked;
          std::vector<Report> reports;
          unlocked(lock, [&] { parked = worker->hand_back(reports); });
          for (Report& report : reports) receive(*worker, std::move(report));
          drains_seen = drain;
          std::move(parked.begin(), parked.end(), std::back_inserter(parked_));
          --still_to_hand_back_;
          changed_.notify_all();
          continue;
        }
        carry_out_decisions(*worker);
        if (interrupt_ || failure_) {
          wake_.wait(lock);
        } else if (std::vector<RunOrder> orders = worker->take(queue_, share_left(*worker)); !orders.empty()) {
          for (const RunOrder& order : orders) hold(*worker, order);
          unlocked(lock, [&] { orders = worker->admit(std::move(orders)); });
          for (auto it = orders.rbegin(); it != orders.rend(); ++it) {
            in_hand_[it->run].holder = nullptr;
            queue_.push_front(std::move(*it));
          }
        } else if (worker->has_ready()) {
          std::vector<Report> reports;
          unlocked(lock, [&] { reports = worker->advance(interrupt_, keep_states_); });
          for (Report& report : reports) receive(*worker, std::move(report));
        } else {
          wake_.wait(lock);
        }
      }
    } catch (const WorkerLost& lost) {
      give_up(worker.get(), lost.what());
      if (drains_seen != drain_) --still_to_hand_back_;
    } catch (...) {
      failure_ = std::current_exception();
      --working_;
      if (drains_seen != drain_) --still_to_hand_back_;
    }
    changed_.notify_all();
    wake_.notify_all();
    if (!lock.owns_lock()) return;
    lock.unlock();  // a worker's end may take long
    worker.reset();
  }

  // Calls `what` without the lock.
  template <class What>
  static void unlocked(std::unique_lock<std::mutex>& lock, const What& what) {
    lock.unlock();
    try {
      what();
    } catch (...) {
      lock.lock();
      throw;
    }
    lock.lock();
  }

  // How many more runs the worker may take for all to have equally many of those there are: so a worker that wakes late
  // finds some left.
  int share_left(const Worker& worker) const {
    int own = 0, all = static_cast<int>(queue_.size());
    for (const auto& [run, hand] : in_hand_) {
      own += hand.holder == &worker;
      all += hand.holder != nullptr;
    }
    return std::max(0, (all + working_ - 1) / working_ - own);
  }

  void hold(const Worker& worker, const RunOrder& order) {
    InHand& hand = in_hand_[order.run];
    hand.order = order;
    hand.holder = &worker;
  }

  // A run that begins again after its worker was lost repeats reports that the caller has; they are equal, and dropped.
  void receive(Worker& worker, Report report) {
    const auto it = in_hand_.find(report.run);
    const bool repeated = it != in_hand_.end() && report.rung <= it->second.reported;
    if (repeated && worker.holds(report.run)) worker.go_on(report.run);
    if (repeated) return;  // never the last: a run whose end was told is in nobody's hands
    if (report.last) {
      in_hand_.erase(report.run);
    } else {
      waiting_[report.run] = Decision::kReported;
      if (it != in_hand_.end()) it->second.reported = report.rung;
    }
    reports_.push_back(std::move(report));
    changed_.notify_all();
  }

  // The runs of a lost worker go back to the queue; those that wait at a rung once it is decided that they go on.
  void give_up(const Worker* worker, const std::string& why) {
    --working_;
    int runs = 0;
    for (auto& [run, hand] : in_hand_) {
      if (!worker || hand.holder != worker) continue;
      ++runs;
      hand.holder = nullptr;
      if (!waiting_.contains(run)) queue_.push_front(hand.order);
    }
    if (say_)
      say_(cat(why, ". Of its runs ", runs, " go back to the queue; devices left to train on: ", working_, "."));
    if (working_ == 0)
      failure_ = std::make_exception_ptr(
          Error(cat(why, ". Nothing is left to train on; what was recorded is safe, go on with --resume.")));
  }

  // Before the worker takes any order: it may be for the same run.
  void evict_stopped(Worker& worker) {
    std::erase_if(to_evict_, [&](const auto& entry) {
      const auto& [holder, run] = entry;
      if (holder != &worker) return false;
      worker.stop(run);
      return true;
    });
  }

  void carry_out_decisions(Worker& worker) {
    std::erase_if(waiting_, [&](const auto& entry) {
      const auto& [run, decision] = entry;
      if (decision != Decision::kGoOn) return false;
      if (worker.holds(run)) {
        worker.go_on(run);
        return true;
      }
      const auto it = in_hand_.find(run);
      if (it == in_hand_.end() || it->second.holder) return false;
      queue_.push_front(it->second.order);
      return true;
    });
  }

  CheckOrder check_;
  Say say_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;     // of workers
  std::condition_variable changed_;  // of the caller
  std::deque<RunOrder> arrivals_;    // submitted since the last advance()
  std::deque<RunOrder> queue_;
  std::map<std::int64_t, InHand> in_hand_;
  std::map<std::int64_t, Decision> waiting_;
  std::vector<std::pair<const Worker*, std::int64_t>> to_evict_;  // stopped runs that their worker still holds
  std::vector<Report> reports_;
  std::vector<Parked> parked_;
  std::exception_ptr failure_;
  int working_;                 // workers that are not lost
  std::size_t drain_ = 0;       // how many drains were asked for
  int still_to_hand_back_ = 0;  // workers
  bool quitting_ = false;
  std::atomic<bool> interrupt_ = false;
  std::atomic<bool> keep_states_ = false;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace caviar
