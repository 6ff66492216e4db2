#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

// What can go wrong in the simulated world, when it does, and whether it really did. Values owned
// by SimWorld and changed by the test between calls.
namespace fairlead::sim {

enum class Fault {
  none,
  refused,              // the connection is refused
  hang,                 // no byte comes until the timeout; no effect
  cut_before_effect,    // the connection ends without an answer; no effect
  cut_after_effect,     // the same, and it was done
  error_before_effect,  // 500; no effect
  error_after_effect,   // 500, and it was done
  conflict,             // 409; no effect; writing requests only
  not_found,            // 404 on an object just listed; no effect; requests to one container only
  slow,                 // 100 ms to 3 s more
  list_missing,         // a list lacks one of its objects, once; lists only
  engine_restart,       // the engine stops before the call and is back after a while
  event_lost,           // of events: only chances apply to these four
  event_too_long,       // its line is skipped, which is told
  event_duplicated,
  event_reordered,
  reload_lost,  // nginx goes on with what it has; of reloads only chances apply to these two
  reload_slow,  // it takes 1.5 s
};
const char* fault_name(Fault fault);

// `at` counts all calls to the engine and to services from 0, `at_write` only the writing ones;
// absent: no fault there. A chance is drawn anew for each call, or for each event line. A fault
// that the call cannot suffer (a conflict on a list) does not happen and is not counted.
struct FaultPlan {
  std::map<std::uint64_t, Fault> at;
  std::map<std::uint64_t, Fault> at_write;
  std::map<Fault, double> chance;
  bool disk_full_state = false;  // each write to the area answers 500
  bool disk_full_secrets = false;

  void heal() { *this = FaultPlan(); }
};

// The daemon dies at writing request `write`, counted from 0 over the whole life of the world,
// calls to the engine, to services and to files alike.
struct CrashPlan {
  enum class When { before_send, after_send, after_answer };
  std::uint64_t write = 0;
  When when = When::before_send;
};
const char* crash_name(CrashPlan::When when);

// Thrown out of submit() and wait() where the CrashPlan says so: the test drops the loop, which is
// dead, calls SimWorld::restart_daemon() and goes on with a new one.
class DaemonCrashed : public std::runtime_error {
 public:
  explicit DaemonCrashed(const std::string& where) : std::runtime_error("crashed " + where) {}
};

// How often each thing really happened in this process, by name ("fault refused", "crash
// after_send"): a suite asserts that none it relies on stayed at 0.
class Sometimes {
 public:
  void count(const std::string& name) { ++counts_[name]; }
  int of(const std::string& name) const;  // 0 where it never happened
  const std::map<std::string, int>& all() const { return counts_; }

 private:
  std::map<std::string, int> counts_;
};
Sometimes& sometimes();

}  // namespace fairlead::sim
