#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/sim/meddlers.h"
#include "tests/sim/scenarios.h"

// One run of a scenario from beginning to end, and what is demanded of it: the final world of the
// run without faults, silence after it, and no violation on the way.
namespace fairlead::sim {

struct Trouble {
  WorldOptions world;
  std::optional<CrashPlan> crash;
  FaultPlan faults;  // until the last act is over; then everything heals
  std::optional<Meddling> meddling;
};

struct Ending {
  std::string world;
  std::uint64_t writes = 0;
  std::uint64_t first_writes = 0;  // of these in the first act
  bool well = false;
  bool silent = false;
  std::vector<std::string> violations;
  std::string trace;    // of the writing requests
  std::string message;  // of the first app that is not well
};

Ending play(const Scenario& scenario, const Trouble& trouble = {});

// Whether `ending` is as demanded; prints what is not.
bool as_demanded(const Scenario& scenario, const Ending& ending, const Ending& reference);

}  // namespace fairlead::sim
