#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/sim/host.h"

// What the simulated host goes through: each scenario is a list of acts with the virtual time that
// follows them. They are run once without faults, then again with a crash at every writing request,
// then with seeds of faults; the final world must be the same.
namespace fairlead::sim {

struct Act {
  std::string name;
  std::function<void(Host&)> act;
  Duration then{std::chrono::seconds(60)};  // runs so long after it
};

struct Scenario {
  std::string name;
  std::function<void(Host&)> prepare;
  std::vector<Act> acts;
  bool ends_well = true;  // every app Synced and Healthy at the end
  bool asks = false;  // its last act is a person's, who repeats it when it was lost in the faults
  // Its hands find things as they expect them only where no fault came before: seeds leave it out.
  bool calm = false;
  bool known_beginning = false;  // its first act is another scenario's: no crash is tried there
};

const std::vector<Scenario>& scenarios();
// Those of them in which apps need a database and a message bus.
std::vector<Scenario> service_scenarios();
// Those in which nginx leads to the apps.
std::vector<Scenario> edge_scenarios();
// Those in which people remove what has ended.
std::vector<Scenario> prune_scenarios();
// Those in which images carry their own manifests.
std::vector<Scenario> image_scenarios();

}  // namespace fairlead::sim
