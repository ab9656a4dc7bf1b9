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
constexpr int kBarWidth = 20;

double part_done(const Progress& p) {
  if (!p.trials || *p.trials == 0) return 0;
  const double all = static_cast<double>(*p.trials) * static_cast<double>(p.seeds);
  const double failed = static_cast<double>(p.trials_failed) * static_cast<double>(p.seeds);
  return std::min(1.0, (static_cast<double>(p.runs_done) + failed) / all);
}

int columns(std::FILE* out) {
  winsize size{};
  if (::ioctl(::fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 80;
}

}  // namespace

std::string describe(const Progress& p, const std::string& metric) {
  std::string text = p.trials ? fmt::format("{}/{} trials done", p.trials_done, *p.trials)
                              : fmt::format("{} trials done", p.trials_done);
  text += fmt::format(", {} running", p.trials_running);
  if (p.trials_failed) text += fmt::format(", {} failed", p.trials_failed);
  if (p.samples > 0 && p.seconds > 0)
    text += fmt::format(" | {} samples/s", show_count(static_cast<double>(p.samples) / p.seconds));
  if (p.best) {
    const TrialSummary& best = p.best_summary;
    text += fmt::format(" | best {} {}, trial {}", metric,
                        show_spread(best.mean, best.sd, best.finished - best.diverged), *p.best);
  }
  if (p.seconds_left) text += fmt::format(" | {} left", show_duration(*p.seconds_left));
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
  const int full = static_cast<int>(part_done(progress) * kBarWidth);
  std::string line =
      fmt::format("[{}{}] {}", std::string(static_cast<std::size_t>(full), '#'),
                  std::string(static_cast<std::size_t>(kBarWidth - full), '.'), describe(progress, metric_));
  // A line that wraps cannot be drawn over: cut it, at a whole character.
  const auto width = static_cast<std::size_t>(std::max(20, columns(out_) - 1));
  while (display_width(line) > width) line.pop_back();
  fmt::print(out_, "\r\033[K{}", line);
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
