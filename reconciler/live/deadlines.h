#pragma once

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "reconciler/live/connection.h"

// Ends exchanges that take too long: one thread, asleep until the earliest deadline, aborts the
// connections that have passed theirs. A socket's own time limits are about the silence between two
// bytes, so that a peer that sends one byte now and then would hold a thread for ever. Safe
// from any thread. Invariant: a connection is touched only while its Guard lives.
namespace fairlead::live {

using SteadyTime = std::chrono::steady_clock::time_point;

class Deadlines {
 public:
  class Guard {
   public:
    Guard(Deadlines& deadlines, Connection& connection, SteadyTime deadline);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    void extend(SteadyTime deadline);

   private:
    Deadlines& deadlines_;
    Connection& connection_;
  };

  Deadlines();
  ~Deadlines();  // no Guard may be left
  Deadlines(const Deadlines&) = delete;
  Deadlines& operator=(const Deadlines&) = delete;

  void expire(Connection& connection);  // now; nothing if it has no Guard
  void expire_all();                    // now, and every later one at once

 private:
  void set(Connection& connection, SteadyTime deadline);
  void run();
  SteadyTime abort_due(SteadyTime now);

  std::mutex mutex_;
  std::condition_variable wake_;
  // Absent: no exchange under way; max(): none, or it was aborted.
  std::map<Connection*, SteadyTime> deadlines_;
  SteadyTime next_wake_ = SteadyTime::max();
  bool all_expired_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fairlead::live
