#include "reconciler/next_steps.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

using namespace fairlead;

namespace {

// The words in `text` that are literals of their own: "HealthCheckFailed".
void add_reasons(const std::string& text, std::set<std::string>& reasons) {
  static const std::regex word("\"([A-Z][a-z]+([A-Z][a-z]+)*)\"");
  for (std::sregex_iterator found(text.begin(), text.end(), word), end; found != end; ++found) {
    reasons.insert((*found)[1]);
  }
}

// What the statements say that make a report worse: all reasons are literals there.
std::set<std::string> reasons_of(const std::string& source) {
  static const std::regex call("(worsen|out_of_sync)\\(|report\\.reason = ");
  std::set<std::string> reasons;
  for (std::sregex_iterator found(source.begin(), source.end(), call), end; found != end; ++found) {
    const auto begin = static_cast<std::size_t>(found->position());
    add_reasons(source.substr(begin, source.find(';', begin) - begin), reasons);
  }
  return reasons;
}

std::set<std::string> reasons_of_all_sources() {
  std::set<std::string> reasons;
  for (const char* folder : {"/reconciler", "/providers"}) {
    const std::string root = std::string(FAIRLEAD_SOURCE_DIR) + folder;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      if (entry.path().extension() != ".cc") continue;
      std::ifstream in(entry.path());
      reasons.merge(reasons_of({std::istreambuf_iterator<char>(in), {}}));
    }
  }
  return reasons;
}

}  // namespace

TEST_CASE("the reasons of a source are found, where one of several is said, too") {
  const auto reasons = reasons_of(
      "report.worsen(HealthState::degraded,\n  loop ? \"CrashLoop\" : \"Failed\", name + \": x\");"
      "report_.out_of_sync(\"RouteNotLive\", why); call(\"Other\");");
  CHECK(reasons == std::set<std::string>{"CrashLoop", "Failed", "RouteNotLive"});
}

TEST_CASE("every reason that a report can have says what comes next, and no other does") {
  const std::set<std::string> reasons = reasons_of_all_sources();
  CHECK(reasons.size() > 20);
  for (const std::string& reason : reasons) {
    CAPTURE(reason);
    CHECK(next_steps().count(reason) == 1);
  }
  for (const auto& [reason, sentence] : next_steps()) {
    CAPTURE(reason);
    CHECK(reasons.count(std::string(reason)) == 1);
    CHECK(sentence.find("nothing needs to be done") == sentence.npos);
  }
}
