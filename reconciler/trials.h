#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "reconciler/world.h"

// What came of the revisions of one app's processes: which jobs ran to their end, and what failed
// its health gate. Kept in the state folder, because the containers that show it are what people
// prune: neither may a job run twice, nor a version that means an outage be tried again for that.
// A plain value, one for each app, in its Memory. Errors: a text that cannot be read leaves the
// value unknown, which is the patient state: no job without a container is run.
namespace fairlead {

// What came of one fingerprint of one process.
struct Trial {
  // Of a job: replica → what it ended with, empty where all was well. Absent: it has not run to its
  // end.
  std::map<int, std::string> ended;
  int failures = 0;    // of its health gate, in a row
  std::string why;     // the last of them: "unhealthy: GET /up: 500, 12 times in 60s"
  Duration failed{0};  // wall time of the last of them

  bool empty() const { return ended.empty() && failures == 0; }
  bool operator==(const Trial&) const = default;
};

class Trials {
 public:
  // What encode() gave, in this process or an earlier one.
  static Trials decode(std::string_view text);
  std::string encode() const;  // empty: there is nothing to keep

  // Null: nothing is known of it.
  const Trial* find(const std::string& process, const std::string& fingerprint) const;
  // An empty one is forgotten.
  void set(const std::string& process, const std::string& fingerprint, Trial trial);
  void failed(const std::string& process, const std::string& fingerprint, const std::string& why,
              Duration wall);
  // What failed may be tried again.
  void forgive();
  // A person asks for another run: of what failed, or with a process named of all that is known of
  // it. False: there is nothing to be tried again.
  bool retry(const std::string& process);

  // Without any trial, as unknown as this is.
  Trials of_none() const;
  // It was kept, and cannot be read.
  bool unknown() const { return unknown_; }
  bool operator==(const Trials&) const = default;

 private:
  std::map<std::pair<std::string, std::string>, Trial> all_;  // process, fingerprint → what came
  bool unknown_ = false;
};

}  // namespace fairlead
