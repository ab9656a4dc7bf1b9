#include "app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "app/text.h"

namespace caviar {
namespace {

constexpr double kBarSeconds = 0.1;     // between two drawings of the bar
constexpr double kLineSeconds = 1.0;    // between two lines when trials ended
constexpr double kQuietSeconds = 30.0;  // between two lines when none did
constexpr std::size_t kBarWidth = 20, kLeastBarWidth = 4;
constexpr std::size_t kBarFrame = 3;  // columns of "[", "]" and the blank after them

double part_done(const Progress& p) {
  if (!p.trials || *p.trials == 0) return 0;
  if (p.runs_wanted) {
    const auto wanted = static_cast<double>(std::max<std::int64_t>(1, *p.runs_wanted));
    return std::min(1.0, static_cast<double>(p.runs_done) / wanted);
  }
  const double all = static_cast<double>(*p.trials) * static_cast<double>(p.seeds);
  const double failed = static_cast<double>(p.trials_failed) * static_cast<double>(p.seeds);
  return std::min(1.0, (static_cast<double>(p.runs_done) + failed) / all);
}

int columns(std::FILE* out) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

// What describe() says beside trials done, best with spread and time left.
struct Detail {
  bool speed = true, running = true, best_trial = true, metric = true, failed = true;
};

std::string describe(const Progress& p, const std::string& metric, const Detail& detail) {
  std::string text = p.trials
                         ? fmt::format("{}/{} {} done", p.trials_done, *p.trials, *p.trials == 1 ? "trial" : "trials")
                         : show_number_of(p.trials_done, "trial") + " done";
  if (detail.running) text += fmt::format(", {} running", p.trials_running);
  if (detail.failed && p.trials_failed) text += fmt::format(", {} failed", p.trials_failed);
  if (detail.speed && p.samples > 0 && p.seconds > 0)
    text += fmt::format(" | {} samples/s", show_count(static_cast<double>(p.samples) / p.seconds));
  if (p.best) {
    const TrialSummary& best = p.best_summary;
    text += fmt::format(" | best {}{}", detail.metric ? metric + " " : "",
                        show_spread(best.mean, best.sd, best.finished - best.diverged));
    if (detail.best_trial) text += fmt::format(", trial {}", *p.best);
  }
  if (p.seconds_left) text += fmt::format(" | {} left", show_duration(*p.seconds_left));
  return text;
}

}  // namespace

std::string describe(const Progress& progress, const std::string& metric) { return describe(progress, metric, {}); }

std::string bar_line(const Progress& progress, const std::string& metric, std::size_t width) {
  Detail detail;
  std::string text = describe(progress, metric, detail);
  for (bool Detail::*part : {&Detail::speed, &Detail::running, &Detail::best_trial, &Detail::metric, &Detail::failed}) {
    if (display_width(text) + kLeastBarWidth + kBarFrame <= width) break;
    detail.*part = false;
    text = describe(progress, metric, detail);
  }
  const std::size_t taken = display_width(text) + kBarFrame;
  const std::size_t bar = taken < width ? std::min(kBarWidth, width - taken) : 0;
  if (bar >= kLeastBarWidth) {
    const auto full = static_cast<std::size_t>(part_done(progress) * static_cast<double>(bar));
    return fmt::format("[{}{}] {}", std::string(full, '#'), std::string(bar - full, '.'), text);
  }
  while (display_width(text) > width) text.pop_back();
  return text;
}

ProgressDisplay::ProgressDisplay(std::FILE* out, std::string metric)
    : out_(out), metric_(std::move(metric)), terminal_(::isatty(::fileno(out)) != 0) {}

void ProgressDisplay::show(const Progress& progress) {
  last_ = progress;
  pending_ = true;
  const double since = progress.seconds - shown_at_;
  const bool ended = progress.runs_done != shown_.runs_done || progress.trials_failed != shown_.trials_failed;
  const double wait = terminal_ ? kBarSeconds : ended ? kLineSeconds : kQuietSeconds;
  if (since >= wait) draw(progress);
}

void ProgressDisplay::draw(const Progress& progress) {
  shown_ = progress;
  shown_at_ = progress.seconds;
  pending_ = false;
  if (!terminal_) {
    fmt::print(out_, "{}\n", describe(progress, metric_));
    std::fflush(out_);
    return;
  }
  // A line that wraps cannot be drawn over.
  const auto width = static_cast<std::size_t>(std::max(20, columns(out_) - 1));
  fmt::print(out_, "\r\033[K{}", bar_line(progress, metric_, width));
  std::fflush(out_);
  drawn_ = true;
}

void ProgressDisplay::note(const std::string& text) {
  if (drawn_) fmt::print(out_, "\r\033[K");
  drawn_ = false;
  fmt::print(out_, "{}\n", text);
  if (terminal_ && shown_at_ >= 0) draw(last_);
  std::fflush(out_);
}

void ProgressDisplay::finish() {
  if (pending_) draw(last_);
  if (drawn_) fmt::print(out_, "\n");
  drawn_ = false;
  std::fflush(out_);
}

}  // namespace caviar
