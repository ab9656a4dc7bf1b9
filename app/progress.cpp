#include "app/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <fmt/format.h>

#include "tuner/metric.h"

namespace caviar {

namespace {

using std::chrono::milliseconds;
constexpr milliseconds kRedraw{100}, kPlainLine{5000};

std::string show_seconds(double seconds) {
  const auto s = static_cast<std::int64_t>(seconds + 0.5);
  if (s < 3600) return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

int terminal_width() {
  winsize size{};
  return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 100;
}

std::string bar(double share, int cells) {
  const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * cells);
  return fmt::format("[{}{}]", std::string(static_cast<std::size_t>(full), '#'),
                     std::string(static_cast<std::size_t>(cells - full), '.'));
}

}  // namespace

std::string show_metric(const std::string& metric, double value) {
  if (std::isnan(value)) return "-";
  if (metric_is_maximized(metric)) return fmt::format("{:.2f} %", 100 * value);
  return fmt::format("{:.4f}", value);
}

std::string show_mean(const std::string& metric, double mean, double sd) {
  const std::string text = show_metric(metric, mean);
  return std::isnan(sd) ? text : fmt::format("{} +- {}", text, show_metric(metric, sd));
}

ProgressLine::ProgressLine(std::string metric) : metric_(std::move(metric)), terminal_(isatty(STDOUT_FILENO) != 0) {}

std::string ProgressLine::text(const Progress& p, int width) const {
  std::string line;
  if (p.trials) {
    const auto trials = static_cast<double>(std::max<std::int64_t>(*p.trials, 1));
    if (width > 0) line = bar(static_cast<double>(p.trials_done + p.trials_failed) / trials, 20) + " ";
    line += fmt::format("{} of {} trials", p.trials_done + p.trials_failed, *p.trials);
  } else {
    line = fmt::format("{} trials", p.trials_done + p.trials_failed);
  }
  line += fmt::format(", {} running", p.runs_running);
  if (p.seeds > 1) line += fmt::format(" ({} runs done)", p.runs_done);
  if (p.seconds > 0 && p.samples > 0)
    line += fmt::format(", {:.0f} samples/s", static_cast<double>(p.samples) / p.seconds);
  if (p.best)
    line += fmt::format(", best {} (trial {})", show_mean(metric_, p.best_summary.mean, p.best_summary.sd), *p.best);
  if (p.seconds_left) line += fmt::format(", {} left", show_seconds(*p.seconds_left));
  if (width > 0 && static_cast<int>(line.size()) >= width) line.resize(static_cast<std::size_t>(width - 1));
  return line;
}

void ProgressLine::update(const Progress& progress) {
  last_ = progress;
  any_ = true;
  const auto now = std::chrono::steady_clock::now();
  if (now < next_) return;
  if (terminal_) {
    next_ = now + kRedraw;
    std::printf("\r\033[K%s", text(progress, terminal_width()).c_str());
    shown_ = true;
  } else {
    const std::int64_t done = progress.trials_done + progress.trials_failed;
    if (done == printed_done_) return;  // nothing new to say
    next_ = now + kPlainLine;
    printed_done_ = done;
    std::printf("%s\n", text(progress, 0).c_str());
  }
  std::fflush(stdout);
}

void ProgressLine::clear() {
  if (shown_) std::fputs("\r\033[K", stdout);
  shown_ = false;
}

void ProgressLine::notice(const std::string& text) {
  clear();
  std::printf("note: %s\n", text.c_str());
  std::fflush(stdout);
}

void ProgressLine::finish() {
  if (!any_) return;
  clear();
  if (terminal_ || last_.trials_done + last_.trials_failed != printed_done_)
    std::printf("%s\n", text(last_, 0).c_str());
  std::fflush(stdout);
  any_ = false;
}

}  // namespace caviar
