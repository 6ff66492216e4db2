#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <utility>

// Cuts a stream of bytes into lines, which are handed on without their line end; empty ones are
// left out. A line longer than 1 MiB is refused.
namespace fairlead::live {

class LineSplitter {
 public:
  explicit LineSplitter(std::function<void(std::string)> line) : line_(std::move(line)) {}

  bool feed(const char* data, std::size_t size) {
    for (const char* end = data + size; data != end; ++data) {
      if (*data == '\n') {
        finish();
      } else {
        rest_ += *data;
      }
    }
    return rest_.size() <= kLineMax;
  }

  // Hands on what stands after the last line end.
  void finish() {
    if (!rest_.empty() && rest_.back() == '\r') rest_.pop_back();
    if (!rest_.empty()) line_(std::exchange(rest_, {}));
  }

 private:
  static constexpr std::size_t kLineMax = 1u << 20;
  std::function<void(std::string)> line_;
  std::string rest_;
};

}  // namespace fairlead::live
