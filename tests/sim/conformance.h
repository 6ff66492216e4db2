#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/sim_engine.h"

// One table of what Docker engines do, run on the simulated engine and on real ones, so that the
// simulated one is never nicer. Rows are values; a row makes only objects whose names begin with
// conformance_prefix, and all of them are removed after it. In paths, bodies and expected texts "$"
// stands for that prefix, "$image" and "$labelled" for the two images that the table needs, and
// "{word}" for what an earlier step kept.
namespace fairlead::sim {

inline constexpr std::string_view conformance_prefix = "fairlead-conf-";
inline constexpr std::string_view conformance_image = "fairlead-test/busybox:1";
// The same with LABEL inherited=image, ENV A=image, CMD ["sleep", "1000"] and HEALTHCHECK
// --interval=1s CMD true.
inline constexpr std::string_view conformance_labelled = "fairlead-test/labelled:1";

// An engine to run the table on.
class ConformanceTarget {
 public:
  virtual ~ConformanceTarget() = default;
  virtual Dialect dialect() const = 0;
  virtual Answer call(const HttpCall& call) = 0;
  virtual void pass(Duration time) = 0;
  virtual Duration wall() const = 0;  // the engine's clock
  // Lines of the events since `wall`, oldest first.
  virtual std::vector<std::string> events_since(Duration wall) = 0;
};

struct ConformanceCheck {
  std::string path;  // "State.Health.Status", "0.Names.0"; empty: the body as text
  Json equals;
  std::string contains;         // instead, where not empty
  std::optional<Dialect> only;  // absent: on both
};

struct ConformanceStep {
  std::string method;  // "" waits and asks nothing; "EVENTS" compares what happened since the last
  std::string path;
  std::string body;
  int status = 0;
  std::optional<int> status_newer;  // on 1.45, where it differs
  std::vector<ConformanceCheck> checks;
  std::map<std::string, std::string> keeps;  // word → path in the answer
  Duration pass{0};                          // before it
  Duration until{0};  // the call is repeated until its checks hold, for so long at most
  std::string events_newer;
  std::optional<Dialect> only;

  ConformanceStep& newer(int newer_status);
  ConformanceStep& is(const std::string& where, Json value);
  ConformanceStep& is_newer(const std::string& where, Json value);
  ConformanceStep& is_older(const std::string& where, Json value);
  ConformanceStep& says(const std::string& text);  // in the body
  ConformanceStep& says_newer(const std::string& text);
  ConformanceStep& says_older(const std::string& text);
  ConformanceStep& keep(const std::string& word, const std::string& where);
  ConformanceStep& within(Duration time);
  ConformanceStep& older_only();
  ConformanceStep& newer_only();
};

struct ConformanceRow {
  std::string name;
  std::vector<ConformanceStep> steps;
};

const std::vector<ConformanceRow>& conformance_table();

// Runs the row and cleans up. What did not hold, in words; empty: all of it did.
std::vector<std::string> run_conformance(ConformanceTarget& target, const ConformanceRow& row);

}  // namespace fairlead::sim
