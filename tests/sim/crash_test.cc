#include <doctest/doctest.h>

#include "tests/sim/play.h"
#include "tests/sim/seeds.h"

// Every scenario, and every scenario with a crash of the daemon before, after and behind each of
// its writing requests.
namespace fairlead::sim {
namespace {

using When = CrashPlan::When;

bool is_asked_for(const Scenario& scenario) {
  return scenario.name.find(scenario_filter()) != std::string::npos;
}

TEST_CASE("every scenario ends as it should, and in silence") {
  for (const Dialect dialect : {Dialect::api_1_41, Dialect::api_1_45}) {
    for (const Scenario& scenario : scenarios()) {
      if (!is_asked_for(scenario)) continue;
      CAPTURE(scenario.name);
      Trouble none;
      none.world.dialect = dialect;
      const Ending ending = play(scenario, none);
      CHECK(ending.writes > 0);
      CHECK(as_demanded(scenario, ending, ending));
    }
  }
}

TEST_CASE("a crash at any writing request changes nothing in the end") {
  for (const Scenario& scenario : scenarios()) {
    if (!is_asked_for(scenario)) continue;
    CAPTURE(scenario.name);
    const Ending reference = play(scenario);
    for (std::uint64_t write = 0; write < reference.writes; ++write) {
      for (const When when : {When::before_send, When::after_send, When::after_answer}) {
        CAPTURE(write);
        CAPTURE(crash_name(when));
        Trouble trouble;
        trouble.crash = CrashPlan{write, when};
        CHECK(as_demanded(scenario, play(scenario, trouble), reference));
      }
    }
  }
  if (!scenario_filter().empty()) return;
  for (const When when : {When::before_send, When::after_send, When::after_answer}) {
    CHECK(sometimes().of(std::string("crash ") + crash_name(when)) > 100);
  }
}

}  // namespace
}  // namespace fairlead::sim
