#pragma once

#include <memory>
#include <string>

#include "reconciler/result.h"

// Keeps for the next start whom the daemon worked for when it ended itself: by a fault of its own
// (a bad access, a stack that is full, an exception that nobody takes, abort()), not by a signal
// that somebody sends, so that kill -9 and a full host blame nobody. Written by the signal handler,
// with nothing but system calls. See quarantine.h.
namespace fairlead::live {

// From now on a line is appended to NAME.json in the folder, which is made where it is missing, for
// each such end of the process. Once in a process; `folder` is absolute. Errors: unavailable.
Result<void> keep_last_words(const std::string& folder);

// A stack that a handler can run on where the thread's own is full. Each thread that works for an
// app holds one.
class SpareStack {
 public:
  SpareStack();
  ~SpareStack();
  SpareStack(const SpareStack&) = delete;
  SpareStack& operator=(const SpareStack&) = delete;

 private:
  std::unique_ptr<char[]> memory_;
};

}  // namespace fairlead::live
