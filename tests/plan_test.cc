#include "reconciler/plan.h"

#include <doctest/doctest.h>

#include <string>

using namespace fairlead;

namespace {

Step step(const std::string& verb, const std::string& resource, std::vector<std::size_t> needs = {},
          const std::string& cause = "") {
  Step made;
  made.verb = verb;
  made.resource = resource;
  made.needs = std::move(needs);
  made.cause = cause;
  return made;
}

}  // namespace

TEST_CASE("a plan prints one numbered line a step, with what it waits for and why") {
  Plan plan;
  CHECK(plan.text().empty());
  CHECK(plan.empty());
  CHECK(plan.add(step("pull", "image a:1", {}, "not on this host")) == 0);
  CHECK(plan.add(step("create", "network blog")) == 1);
  CHECK(plan.add(step("create", "container blog.web.x", {0, 1}, "there is none")) == 2);
  CHECK(plan.text() ==
        "1. pull image a:1: not on this host\n"
        "2. create network blog\n"
        "3. create container blog.web.x after 1, 2: there is none\n");
}

TEST_CASE("waits alone are nothing to send") {
  Plan plan;
  plan.add(step("wait", "container blog.web.x"));
  CHECK_FALSE(plan.has_requests());
  Step file = step("write", "secret a");
  file.request = FileCall();
  plan.add(file);
  CHECK(plan.has_requests());
}
