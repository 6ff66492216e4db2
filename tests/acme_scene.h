#pragma once

#include <doctest/doctest.h>

#include <map>
#include <string>

#include "providers/nginx/acme.h"

// A host that wants certificates by ACME: what is wanted, seen and remembered, with defaults, and
// what is decided of it.
namespace fairlead::testing {

using nginx::AcmeInput;
using nginx::AcmeSeen;
using nginx::Certificate;
using nginx::CertificatePtr;
using nginx::stem_of;
using std::chrono::hours;
using std::chrono::seconds;

inline const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
inline const std::string token = keys.digest("acme probe", "").substr(0, 32);
inline constexpr Duration start = seconds(1'790'000'000);
inline constexpr hours day{24};

// What is wanted and seen, and what is decided of it.
struct AcmeScene {
  Platform platform;
  Memory memory;
  AcmeSeen seen;
  Instant now{hours(1000), start};
  std::map<std::string, CertificatePtr> hosts;
  Plan plan;
  Report report;

  AcmeScene() { platform.edge.acme.email = "ops@example.org"; }

  void certificate(const std::string& host, Duration begins, Duration ends, bool acme = true) {
    auto made = std::make_shared<Certificate>();
    made->acme = acme;
    made->begins = begins;
    made->ends = ends;
    hosts[host] = made;
  }
  void attempt(const std::string& host, Duration ago) {
    const auto at = std::chrono::duration_cast<seconds>(now.wall - ago);
    seen.attempts.push_back(
        {at, host, "acme/orders/" + std::to_string(at.count()) + "-" + stem_of(host)});
  }
  void trouble(const std::string& step, const std::string& text, Duration ago, int count = 1) {
    memory.troubles[step] = {text, count, now.steady - ago};
  }
  void counted(const std::string& counter, Duration ago) {
    memory.counters[counter] = {1, now.steady - ago};
  }
  void pass(Duration span) {
    now.steady += span;
    now.wall += span;
  }

  // The whole plan, and a line for each certificate that is told of.
  std::string text() {
    plan = Plan();
    report = Report();
    AcmeInput input;
    input.platform = &platform;
    input.keys = &keys;
    input.memory = &memory;
    input.now = now;
    input.hosts = hosts;
    input.seen = &seen;
    nginx::diff_acme(input, plan, report);
    std::string out = plan.text();
    for (const ResourceState& held : report.resources) {
      out += held.kind + " " + held.name + ": " + held.state + ": " + held.cause + "\n";
    }
    return out;
  }
  const Step& step(const std::string& name) {
    for (const Step& held : plan.steps()) {
      if (held.verb + " " + held.resource == name) return held;
    }
    FAIL("no step " << name);
    return plan.steps().front();
  }
  Outcome judged(const std::string& name, const Answer& answer) {
    return nginx::judge_acme(step(name), answer);
  }
};

inline const std::string refused =
    "[blog.example.org] acme: error: 403 :: urn:ietf:params:acme:error:unauthorized :: Non-200";
inline const std::string dead =
    "acme: error: 403 :: POST :: https://ca/order :: urn:ietf:params:acme:error:unauthorized :: "
    "Account has been deactivated";

inline AcmeScene wants_blog() {
  AcmeScene scene;
  scene.hosts["blog.example.org"] = nullptr;
  return scene;
}

}  // namespace fairlead::testing
