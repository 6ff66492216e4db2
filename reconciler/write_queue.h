#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reconciler/world.h"

// Writing requests to one system that wait for one of the few slots: one app after the other, so
// that none waits for another's many. A request that hangs gives its slot free after a while, so
// that an app in trouble cannot starve the rest; but where all are slow, no more than a few times
// the slots are out at once.
namespace fairlead {

class WriteQueue {
 public:
  explicit WriteQueue(int slots) : slots_(slots) {}

  void set_slots(int slots) { slots_ = slots; }
  void push(const std::string& app, Request request);
  // The requests that may go now; each holds a slot until done() or until it is slow.
  std::vector<Request> take(Duration now);
  void done(RequestId request) { held_.erase(request); }
  // When a slot becomes free by itself; nothing where nobody waits for one.
  std::optional<Duration> due(Duration now) const;

  static constexpr std::chrono::seconds slow{2};
  static constexpr int out_per_slot = 4;

 private:
  std::map<std::string, std::deque<Request>> waiting_;  // app → its requests; absent: none
  std::string last_;                                    // the app that was served last
  std::map<RequestId, Duration> held_;                  // request → when it was sent
  int slots_;
};

}  // namespace fairlead
