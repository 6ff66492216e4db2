#include "reconciler/registries.h"

#include <doctest/doctest.h>

#include <string>

using namespace fairlead;

namespace {

Platform allowing(std::vector<std::string> hosts) {
  Platform platform;
  platform.registries_allowed = std::move(hosts);
  return platform;
}

bool allowed(const std::string& registry, const Platform& platform = {}) {
  const Result<void> checked = may_use(platform, registry);
  if (!checked) CHECK(checked.error().code == Code::denied);
  return checked.ok();
}

bool token(const std::string& registry, const std::string& realm, const Platform& platform = {}) {
  const Result<void> checked = may_ask_token(platform, registry, realm);
  const std::string why = checked ? "" : checked.error().message;
  if (!checked) CHECK(why.find("nothing was sent there") != why.npos);
  return checked.ok();
}

}  // namespace

TEST_CASE("class 8: an address that not everybody can reach is told from one that is public") {
  for (const char* address : {"127.0.0.1",
                              "127.9.9.9",
                              "0.0.0.0",
                              "10.0.0.1",
                              "172.16.0.1",
                              "172.31.255.255",
                              "192.168.7.7",
                              "169.254.169.254",
                              "100.64.0.1",
                              "100.127.0.1",
                              "192.0.2.1",
                              "198.18.0.1",
                              "224.0.0.1",
                              "255.255.255.255",
                              "::",
                              "::1",
                              "fe80::1",
                              "fe80::1%lo",
                              "fc00::1",
                              "fd00::1",
                              "ff02::1",
                              "::ffff:127.0.0.1",
                              "::ffff:10.1.1.1",
                              "64:ff9b::7f00:1",
                              "2002:7f00:1::1",
                              "2001:db8::1",
                              "2001::1",
                              "::127.0.0.1",
                              "",
                              "blog.example.org"}) {
    CAPTURE(address);
    CHECK_FALSE(is_public_address(address));
  }
  for (const char* address : {"1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1",
                              "169.253.0.1", "223.255.255.255", "2606:4700::1111", "::ffff:1.1.1.1",
                              "64:ff9b::101:101", "2002:101:101::1"}) {
    CAPTURE(address);
    CHECK(is_public_address(address));
  }
}

TEST_CASE("class 8: without a list all public registries are allowed, and none of this host") {
  for (const char* registry : {"docker.io", "ghcr.io", "r.example.org:5000", "1.1.1.1:5000"}) {
    CAPTURE(registry);
    CHECK(allowed(registry));
  }
  for (const char* registry :
       {"127.0.0.1:5000", "localhost", "LocalHost:5000", "x.localhost:5000", "10.0.0.1:5000",
        "169.254.169.254:80", "127.1:5000", "0x7f.1:80", "2130706433:5000", "0x7f000001:80"}) {
    CAPTURE(registry);
    CHECK_FALSE(allowed(registry));
  }
}

TEST_CASE("class 15: with a list no other registry is allowed but those with a login") {
  Platform platform = allowing({"ghcr.io", "127.0.0.1:5000"});
  platform.registries["r.example.org"] = {"ann", "/etc/password"};
  for (const char* registry : {"ghcr.io", "GHCR.io", "127.0.0.1:5000", "r.example.org"}) {
    CAPTURE(registry);
    CHECK(allowed(registry, platform));
  }
  for (const char* registry :
       {"docker.io", "127.0.0.1:5001", "ghcr.io:5000", "xghcr.io", "x.ghcr.io", "example.org"}) {
    CAPTURE(registry);
    CHECK_FALSE(allowed(registry, platform));
  }
  CHECK_FALSE(allowed("docker.io", allowing({})));
  const Platform more = allowing({"*", "127.0.0.1:5000"});
  CHECK(allowed("docker.io", more));
  CHECK(allowed("127.0.0.1:5000", more));
  CHECK_FALSE(allowed("127.0.0.1:5001", more));
  CHECK(may_use(platform, "docker.io").error().message ==
        "the registry docker.io is not in `registries: {allow: […]}` of the platform file; add it "
        "there, or take the image from one that is");
}

TEST_CASE("class 8: a registry sends nobody to this host, and a login to nobody else's") {
  Platform platform = allowing({"*", "127.0.0.1:5001", "login.other.org"});
  CHECK_FALSE(token("r.example.org", "127.0.0.1:443"));
  CHECK_FALSE(token("127.0.0.1:5000", "127.0.0.1:5002", platform));
  CHECK(token("127.0.0.1:5000", "127.0.0.1:5000", platform));
  CHECK(token("127.0.0.1:5000", "127.0.0.1:5001", platform));
  CHECK(token("r.example.org", "auth.other.org:443"));  // no login goes there
  for (const char* registry : {"r.example.org", "docker.io", "ghcr.io", "registry-1.docker.io"}) {
    platform.registries[registry] = {"ann", "/etc/password"};
  }
  CHECK(token("r.example.org", "r.example.org:443", platform));
  CHECK(token("r.example.org", "auth.example.org:443", platform));
  CHECK(token("r.example.org", "example.org:443", platform));
  CHECK(token("r.example.org", "login.other.org:443", platform));
  CHECK(token("docker.io", "auth.docker.io:443", platform));
  CHECK(token("ghcr.io", "ghcr.io:443", platform));
  CHECK_FALSE(token("ghcr.io", "evil.io:443", platform));
  CHECK_FALSE(token("r.example.org", "auth.other.org:443", platform));
  CHECK_FALSE(token("r.example.org", "rexample.org:443", platform));
}
