#include <doctest/doctest.h>

#include <iterator>
#include <vector>

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

constexpr When moments[] = {When::before_send, When::after_send, When::after_answer};

// The scenarios with services or the edge have hundreds of writing requests: of these each is met
// at one moment, in turn, which keeps a run to minutes.
std::vector<When> moments_of(const Scenario& scenario, std::uint64_t write) {
  const bool long_one =
      scenario.name.starts_with("services: ") || scenario.name.starts_with("edge: ");
  if (long_one) return {moments[write % std::size(moments)]};
  return {std::begin(moments), std::end(moments)};
}

TEST_CASE("a crash at any writing request changes nothing in the end") {
  for (const Scenario& scenario : scenarios()) {
    if (!is_asked_for(scenario)) continue;
    CAPTURE(scenario.name);
    const Ending reference = play(scenario);
    const std::uint64_t first = scenario.known_beginning ? reference.first_writes : 0;
    for (std::uint64_t write = first; write < reference.writes; ++write) {
      for (const When when : moments_of(scenario, write)) {
        CAPTURE(write);
        CAPTURE(crash_name(when));
        Trouble trouble;
        trouble.crash = CrashPlan{write, when};
        CHECK(as_demanded(scenario, play(scenario, trouble), reference));
      }
    }
  }
  if (!scenario_filter().empty()) return;
  for (const When when : moments) {
    CHECK(sometimes().of(std::string("crash ") + crash_name(when)) > 100);
  }
}

}  // namespace
}  // namespace fairlead::sim
