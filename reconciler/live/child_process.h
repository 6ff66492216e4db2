#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "reconciler/live/file_io.h"
#include "reconciler/result.h"

// One program on the host, from its start to its end. It leads a process group of its own, reads
// /dev/null, has its output and its errors in one pipe and no other descriptor of ours. Used by one
// thread. Whoever drops one that still runs kills its group and waits for it.
namespace fairlead::live {

class ChildProcess {
 public:
  using Environment = std::vector<std::pair<std::string, std::string>>;

  // `environment` goes before what this process has. Errors: not_found (no such program),
  // unavailable (it cannot be started).
  static Result<ChildProcess> start(const std::vector<std::string>& arguments,
                                    const Environment& environment);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&&) = delete;
  ~ChildProcess();

  // Until it has ended (true), `deadline` passes, or `stop` (a descriptor; -1: none) is readable.
  // What others hold the pipe open for is not waited for.
  bool wait(std::chrono::steady_clock::time_point deadline, int stop);
  // Asks its group to end, and makes it where it does not within half a second.
  void end();

  // After its end: the status as of waitpid; -1 where nobody knows it.
  int status() const { return status_; }
  std::string take_output();  // the last 64 KiB of what it wrote

 private:
  ChildProcess(pid_t pid, UniqueFd handle, UniqueFd output);
  void read_output();
  bool reap();

  pid_t pid_ = 0;  // 0: it has been waited for
  int status_ = -1;
  UniqueFd handle_;  // a pidfd
  UniqueFd pipe_;    // -1: nobody can write any more
  std::string output_;
};

// The last 64 KiB of a text.
std::string last_part(std::string text);

}  // namespace fairlead::live
