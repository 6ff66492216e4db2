#pragma once

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

// A program that a live test starts: the daemon, a command line, an engine of its own. It is owned
// by its Child, and killed with it, so that a failed test leaves nothing behind.
namespace fairlead::testing {

class Child {
 public:
  struct Setup {
    std::string output;        // file that standard output is appended to
    std::string errors;        // the same for standard error; empty: `output`
    int network_of = 0;        // process whose network namespace it lives in; 0: ours
    bool own_network = false;  // it lives in a network namespace of its own instead
  };
  Child(const std::vector<std::string>& words, const Setup& setup);
  ~Child();
  Child(Child&& other) noexcept;
  Child& operator=(Child&& other) noexcept;

  pid_t pid() const { return pid_; }
  void signal(int number) const;  // nothing where it has ended
  // Its exit code, or 128 and the signal's number; nothing where it still runs after `limit`.
  std::optional<int> wait(std::chrono::milliseconds limit);

 private:
  pid_t pid_ = -1;  // -1: it has ended
  int code_ = 0;
};

std::string read_text(const std::string& path);

}  // namespace fairlead::testing
