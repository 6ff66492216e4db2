#include <doctest/doctest.h>

#include <cstdlib>

#include "tests/sim/scenarios.h"

// Every scenario with a crash of the daemon before, after and behind each of its writing requests.
namespace fairlead::sim {
namespace {

using When = CrashPlan::When;

struct Outcome {
  std::string world;
  std::uint64_t writes = 0;
  bool well = false;
  bool silent = false;
  std::vector<std::string> violations;
  std::string trace;
};

Outcome play(const Scenario& scenario, std::optional<CrashPlan> crash,
             bool faults_expected = false) {
  Host host;
  if (scenario.prepare) scenario.prepare(host);
  SimImage once = image("app:once");
  once.program.runs_for = std::chrono::seconds(2);
  host.engine().add_image(once);
  host.world().plan_crash(crash);
  for (const Act& act : scenario.acts) {
    act.act(host);
    host.run(act.then);
  }
  Outcome outcome;
  // What a crash delayed, back-off included, has time to end.
  if (crash || faults_expected) host.run(std::chrono::minutes(6));
  outcome.writes = host.world().writes();
  host.run(std::chrono::minutes(2));
  outcome.silent = host.world().writes() == outcome.writes;
  outcome.world = host.final_world();
  outcome.well = host.all_well();
  outcome.violations = host.violations();
  outcome.trace = host.world().trace_text(true);
  return outcome;
}

void demand(const Scenario& scenario, const Outcome& outcome, const Outcome& reference) {
  CHECK(outcome.violations.empty());
  for (const std::string& violation : outcome.violations) MESSAGE(violation);
  CHECK(outcome.world == reference.world);
  CHECK(outcome.silent);
  CHECK(outcome.well == scenario.ends_well);
  if (outcome.world != reference.world || !outcome.violations.empty() || !outcome.silent) {
    MESSAGE(outcome.trace);
  }
}

TEST_CASE("every scenario ends as it should, and in silence") {
  for (const Scenario& scenario : scenarios()) {
    CAPTURE(scenario.name);
    const Outcome outcome = play(scenario, std::nullopt);
    CHECK(outcome.writes > 0);
    demand(scenario, outcome, outcome);
  }
}

TEST_CASE("a crash at any writing request changes nothing in the end") {
  for (const Scenario& scenario : scenarios()) {
    CAPTURE(scenario.name);
    const Outcome reference = play(scenario, std::nullopt);
    for (std::uint64_t write = 0; write < reference.writes; ++write) {
      for (const When when : {When::before_send, When::after_send, When::after_answer}) {
        CAPTURE(write);
        CAPTURE(crash_name(when));
        demand(scenario, play(scenario, CrashPlan{write, when}), reference);
      }
    }
  }
  for (const When when : {When::before_send, When::after_send, When::after_answer}) {
    CHECK(sometimes().of(std::string("crash ") + crash_name(when)) > 100);
  }
}

}  // namespace
}  // namespace fairlead::sim
