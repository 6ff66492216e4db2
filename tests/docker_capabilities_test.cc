#include <doctest/doctest.h>

#include <string>

#include "providers/docker/capabilities.h"
#include "reconciler/result.h"

using namespace fairlead;
using namespace fairlead::docker;

namespace {

std::string profile(const char* host_config) { return profile_of(*Json::parse(host_config)); }

}  // namespace

TEST_CASE("A20: a container's profile is told by what it keeps, however the engine writes it") {
  CHECK(profile(R"({"CapDrop":["ALL"]})") == "strict");
  CHECK(profile(R"({"CapDrop":["ALL"],"CapAdd":null})") == "strict");
  CHECK(profile(R"({"CapDrop":["ALL"],"CapAdd":["CHOWN","KILL"]})") == "standard");
  CHECK(profile(R"({"CapDrop":["CAP_ALL"],"CapAdd":["CAP_CHOWN"]})") == "standard");
  CHECK(profile(R"({"CapDrop":["ALL"],"CapAdd":["CHOWN","NET_RAW"]})") == "older");
  CHECK(profile(R"({"CapDrop":["NET_RAW","MKNOD","AUDIT_WRITE","SETFCAP"]})") == "older");
  CHECK(profile(R"({"CapDrop":[]})") == "");
  CHECK(profile("{}") == "");
}

TEST_CASE("A20: where a capability may be missing the evidence says what the profile drops") {
  const std::string log = "starting\nchroot: Operation not permitted\nbye";
  CHECK(capability_hint("standard", log) ==
        "; it may need a capability: the profile `standard` drops every capability but CHOWN, "
        "DAC_OVERRIDE, FOWNER, SETUID, SETGID, KILL, NET_BIND_SERVICE");
  CHECK(capability_hint("strict", "Error: EPERM, chown '/data'") ==
        "; it may need a capability: the profile `strict` drops every capability");
  CHECK(capability_hint("standard", "permission denied") == "");
  CHECK(capability_hint("standard", "") == "");
  CHECK(capability_hint("older", log) == "");
}
