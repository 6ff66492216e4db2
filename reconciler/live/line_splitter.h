#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

// Cuts a stream of bytes into lines, which are handed on without their line end; empty ones are
// left out. A line longer than 1 MiB is skipped: that is told as soon as it is too long, and no
// more of it is kept.
namespace fairlead::live {

class LineSplitter {
 public:
  static constexpr std::size_t line_max = 1u << 20;  // bytes, without the line end

  LineSplitter(std::function<void(std::string)> line, std::function<void()> skipped)
      : line_(std::move(line)), skipped_(std::move(skipped)) {}

  void feed(std::string_view bytes) {
    for (std::size_t end = 0; (end = bytes.find('\n')) != bytes.npos;
         bytes.remove_prefix(end + 1)) {
      add(bytes.substr(0, end));
      finish();
    }
    add(bytes);
  }

  // Hands on what stands after the last line end.
  void finish() {
    skipping_ = false;
    if (!rest_.empty() && rest_.back() == '\r') rest_.pop_back();
    if (!rest_.empty()) line_(std::exchange(rest_, {}));
  }

 private:
  void add(std::string_view part) {
    if (skipping_) return;
    if (rest_.size() + part.size() <= line_max) {
      rest_ += part;
      return;
    }
    skipping_ = true;
    rest_ = {};
    skipped_();
  }

  std::function<void(std::string)> line_;
  std::function<void()> skipped_;
  std::string rest_;
  bool skipping_ = false;  // up to the next line end
};

}  // namespace fairlead::live
