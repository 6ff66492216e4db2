#include "tests/sim/play.h"

#include <iostream>

namespace fairlead::sim {
namespace {

// An act that leaves so much time expects the next one to find everything done, which takes longer
// where there are faults: what was never made would not be there in the end.
constexpr std::chrono::seconds settling{30};
constexpr std::chrono::minutes settling_max{60};
// The longest back-off, twice, and what follows it.
constexpr std::chrono::minutes healing{12};
constexpr std::chrono::minutes silence{2};

bool has_faults(const FaultPlan& faults) {
  return !faults.chance.empty() || !faults.at.empty() || !faults.at_write.empty();
}

}  // namespace

Ending play(const Scenario& scenario, const Trouble& trouble) {
  HostOptions options;
  options.world = trouble.world;
  Host host(options);
  SimImage once = image("app:once");
  once.program.runs_for = std::chrono::seconds(2);
  host.engine().add_image(once);
  if (scenario.prepare) scenario.prepare(host);
  // What the engine breaks by itself is not the daemon's doing, and what it loses is done again.
  if (has_faults(trouble.faults)) {
    host.serving.clear();
    host.reloads_max = 0;
  }
  host.world().plan_crash(trouble.crash);
  host.world().faults() = trouble.faults;
  if (trouble.meddling) {
    const Meddling& meddling = *trouble.meddling;
    host.world().at_write(meddling.write, [&host, &meddling] { meddling.meddler->act(host); });
  }
  Ending ending;
  for (const Act& act : scenario.acts) {
    act.act(host);
    host.run(act.then);
    const bool settles = has_faults(trouble.faults) && act.then >= settling;
    if (settles) host.run_until([&] { return host.all_well(); }, settling_max);
    host.check_explained();
    if (&act == &scenario.acts.front()) ending.first_writes = host.world().writes();
  }
  host.world().faults().heal();
  const bool troubled = trouble.crash || has_faults(trouble.faults);
  if (troubled) host.run(healing);
  if (troubled && scenario.asks) {
    scenario.acts.back().act(host);
    host.run(silence);
  }
  ending.writes = host.world().writes();
  host.run(silence);
  ending.silent = host.world().writes() == ending.writes;
  ending.world = host.final_world();
  host.check_rest();
  ending.well = host.all_well();
  ending.violations = host.violations();
  if (ending.world.find(".manifest.") != std::string::npos) {
    ending.violations.push_back("S13: a reader is left");
  }
  ending.trace = host.world().trace_text(true);
  for (const auto& [name, app] : host.loop().apps()) {
    if (host.health(name) != "Healthy" && ending.message.empty()) {
      ending.message = name + " " + host.health(name) + " " + host.message(name);
    }
  }
  return ending;
}

bool as_demanded(const Scenario& scenario, const Ending& ending, const Ending& reference) {
  const bool same = ending.world == reference.world;
  const bool demanded =
      same && ending.silent && ending.violations.empty() && ending.well == scenario.ends_well;
  if (demanded) return true;
  std::cout << "scenario: " << scenario.name << "\n";
  for (const std::string& violation : ending.violations) std::cout << violation << "\n";
  if (!same) std::cout << "wanted world:\n" << reference.world << "world:\n" << ending.world;
  if (!ending.silent) std::cout << "not silent at the end\n";
  if (ending.well != scenario.ends_well) std::cout << "not well: " << ending.message << "\n";
  std::cout << "writing requests:\n" << ending.trace << std::endl;
  return false;
}

}  // namespace fairlead::sim
