#include "reconciler/hosts.h"

#include <doctest/doctest.h>

#include <stdexcept>

using namespace fairlead;

namespace {

using Claims = std::map<std::string, HostOwners::Claim>;

App app_of(const std::string& manifest) {
  const ParsedManifest parsed = parse_manifest("blog.yml", manifest);
  if (!parsed.errors.empty()) throw std::runtime_error(parsed.errors[0].text());
  return *parsed.apps.at(0).app;
}

std::vector<std::string> claimed(const std::string& expose) {
  Platform platform;
  platform.domain = "apps.example.org";
  return claimed_hosts(app_of("name: blog\nimage: a:1\n" + expose), platform);
}

using Hosts = std::vector<std::string>;

Platform with_tenant() {
  Platform platform;
  Tenant tenant;
  tenant.folder = "team-a";
  tenant.domains = {"a.example.org", "*.a.example.org"};
  platform.tenants.push_back(tenant);
  return platform;
}

const Claims both = {{"blog", {"blog.yml", {"x.org", "blog.org"}}},
                     {"shop", {"shop.yml", {"x.org"}}}};
const Claims shop_alone = {{"shop", {"shop.yml", {"x.org"}}}};

}  // namespace

TEST_CASE("an app claims what it says, or its name below the platform's domain") {
  CHECK(claimed("expose: [{proto: http, port: 80, domains: [x.org, y.org]}]\n") ==
        Hosts{"x.org", "y.org"});
  CHECK(claimed("expose: [{proto: http, port: 80}]\n") == Hosts{"blog.apps.example.org"});
  CHECK(claimed("expose: [{proto: http, port: 80, domains: [x.org]}, {proto: http, port: 81}]\n") ==
        Hosts{"blog.apps.example.org", "x.org"});
  CHECK(claimed("expose: [{proto: tcp, port: 80}]\n").empty());
}

TEST_CASE("an app that exposes nothing claims its default host: its image may expose something") {
  CHECK(claimed("") == Hosts{"blog.apps.example.org"});
}

TEST_CASE("the first that says a host has it, and the second is told who has it") {
  HostOwners owners;
  CHECK(owners.update(shop_alone, {}).empty());
  CHECK(owners.update(both, {}) == std::set<std::string>{"blog"});
  CHECK(owners.lost("shop").empty());
  REQUIRE(owners.lost("blog").size() == 1);
  CHECK(owners.lost("blog").at("x.org") == "the app shop has it");
}

TEST_CASE("of two that come at once the first by name has it") {
  HostOwners owners;
  CHECK(owners.update(both, {}) == std::set<std::string>{"shop"});
  CHECK(owners.lost("shop").at("x.org") == "the app blog has it");
}

TEST_CASE("the second has the host when the first no longer says it") {
  HostOwners owners;
  owners.update(both, {});
  const Claims elsewhere = {{"blog", {"blog.yml", {"blog.org"}}},
                            {"shop", {"shop.yml", {"x.org"}}}};
  CHECK(owners.update(elsewhere, {}) == std::set<std::string>{"shop"});
  CHECK(owners.lost("shop").empty());
}

TEST_CASE("who has a host has it after a restart, also from one that came meanwhile") {
  HostOwners before;
  CHECK(before.encode().empty());
  before.update(shop_alone, {});
  HostOwners after;
  after.restore(before.encode());
  after.update(both, {});
  CHECK(after.lost("blog").count("x.org") == 1);
  CHECK(after.lost("shop").empty());
  before.update(both, {});
  CHECK(after.encode() == before.encode());
}

TEST_CASE("an owner of before the restart that is gone keeps nothing") {
  HostOwners before, after;
  before.update(shop_alone, {});
  before.update(both, {});
  after.restore(before.encode());
  after.update({{"blog", {"blog.yml", {"x.org"}}}}, {});
  CHECK(after.lost("blog").empty());
}

TEST_CASE("damaged text is as none") {
  for (const char* text : {"", "{", "[]", "{\"owners\": 7}", "{\"owners\": {\"x.org\": 7}}"}) {
    CAPTURE(text);
    HostOwners owners;
    owners.restore(text);
    owners.update(both, {});
    CHECK(owners.lost("blog").empty());
  }
}

TEST_CASE("a tenant's domains are for apps of its folder alone") {
  const Platform platform = with_tenant();
  const auto why = [&](const std::string& source, const std::string& host) {
    return tenant_forbids(platform, "blog", source, host);
  };
  for (const char* host : {"a.example.org", "www.a.example.org", "*.a.example.org"}) {
    CAPTURE(host);
    CHECK(why("team-a/blog.yml", host).empty());
    CHECK(why("team-a/deep/blog.yml", host).empty());
    CHECK(why("blog.yml", host) == "the platform file binds it to the folder team-a");
    CHECK_FALSE(why("team-ab/blog.yml", host).empty());
    CHECK_FALSE(why("team-a", host).empty());
  }
  CHECK(why("blog.yml", "ba.example.org").empty());
}

TEST_CASE("an app of a tenant has its default host, and none that is not bound to it") {
  const Platform platform = with_tenant();
  CHECK(tenant_forbids(platform, "blog", "team-a/blog.yml", "blog.localhost").empty());
  CHECK_FALSE(tenant_forbids(platform, "blog", "team-a/blog.yml", "shop.localhost").empty());
  CHECK_FALSE(tenant_forbids(platform, "blog", "team-a/blog.yml", "x.org").empty());
  CHECK(tenant_forbids(platform, "shop", "shop.yml", "x.org").empty());
}

TEST_CASE("what a tenant's binding forbids is lost, and free for whoever it is bound to") {
  HostOwners owners;
  const std::string host = "www.a.example.org";
  owners.update({{"blog", {"blog.yml", {host}}}}, {});
  CHECK(owners.lost("blog").empty());
  const Claims claims = {{"blog", {"blog.yml", {host}}}, {"site", {"team-a/site.yml", {host}}}};
  CHECK(owners.update(claims, with_tenant()) == std::set<std::string>{"blog"});
  CHECK(owners.lost("blog").at(host) == "the platform file binds it to the folder team-a");
  CHECK(owners.lost("site").empty());
}

namespace {

Platform at_example() {
  Platform platform;
  platform.domain = "apps.example.org";
  return platform;
}

// Why the app lacks the host after both have come; empty: it has it.
std::string why_lost(const std::string& source, const std::string& host,
                     const Platform& platform = at_example()) {
  HostOwners owners;
  owners.update({{"blog", {source, {host}}}, {"shop", {"team-b/shop.yml", {"shop.net"}}}},
                platform);
  const auto& lost = owners.lost("blog");
  return lost.empty() ? "" : lost.at(host);
}

const Claims wildcard = {{"shop", {"team-b/shop.yml", {"*.shop.example.org"}}}};
Claims with_wildcard(const std::string& source, const std::string& host) {
  Claims claims = wildcard;
  claims["admin"] = {source, {host}};
  return claims;
}

}  // namespace

TEST_CASE("class 3: a name below another folder's wildcard is that app's") {
  for (const char* host :
       {"admin.shop.example.org", "a.b.shop.example.org", "*.b.shop.example.org"}) {
    CAPTURE(host);
    const std::string why = "it is below *.shop.example.org, which the app shop has";
    HostOwners later, at_once, restarted;
    later.update(wildcard, at_example());
    CHECK(later.update(with_wildcard("team-a/x.yml", host), at_example()) ==
          std::set<std::string>{"admin"});
    CHECK(later.lost("admin").at(host) == why);
    at_once.update(with_wildcard("x.yml", host), at_example());
    CHECK(at_once.lost("admin").at(host) == why);
    restarted.restore(later.encode());
    restarted.update(with_wildcard("team-a/x.yml", host), at_example());
    CHECK(restarted.lost("admin").at(host) == why);
    CHECK(restarted.lost("shop").empty());
  }
}

TEST_CASE("apps of one first-level folder may split a wildcard, and so may one app") {
  HostOwners owners;
  owners.update(wildcard, at_example());
  owners.update(with_wildcard("team-b/deep/x.yml", "admin.shop.example.org"), at_example());
  CHECK(owners.lost("admin").empty());
  owners.update({{"shop", {"team-b/shop.yml", {"*.shop.example.org", "a.shop.example.org"}}}},
                at_example());
  CHECK(owners.lost("shop").empty());
  CHECK(why_lost("team-a/x.yml", "shop.example.org").empty());
}

TEST_CASE(
    "class 3: a name that an app had before the wildcard came stays its own, over restarts too") {
  const std::string host = "admin.shop.example.org";
  const Claims before = {{"admin", {"team-a/x.yml", {host}}}};
  HostOwners owners, restarted;
  owners.update(before, at_example());
  owners.update(with_wildcard("team-a/x.yml", host), at_example());
  CHECK(owners.lost("admin").empty());
  CHECK(owners.lost("shop").empty());
  restarted.restore(owners.encode());
  restarted.update(with_wildcard("team-a/x.yml", host), at_example());
  CHECK(restarted.lost("admin").empty());
  // What it gave up it gets no more.
  restarted.update(wildcard, at_example());
  restarted.update(with_wildcard("team-a/x.yml", host), at_example());
  CHECK(restarted.lost("admin").size() == 1);
}

TEST_CASE("class 3: a default name stays its app's below the operator's wildcard") {
  HostOwners owners;
  const Claims claims = {{"blog", {"team-a/blog.yml", {"blog.apps.example.org"}}},
                         {"front", {"platform/front.yml", {"*.apps.example.org"}}},
                         {"other", {"team-a/other.yml", {"free.apps.example.org"}}}};
  owners.update(claims, at_example());
  CHECK(owners.lost("blog").empty());
  CHECK(owners.lost("front").empty());
  CHECK(owners.lost("other").size() == 1);
}

TEST_CASE("class 3: all default names at once, and public suffixes, are nobody's") {
  const std::string bind = "; bind it to a folder by edge.tenants in the platform file";
  for (const char* source : {"blog.yml", "team-a/blog.yml", "platforms/blog.yml"}) {
    CAPTURE(source);
    CHECK(why_lost(source, "*.apps.example.org") ==
          "it covers the default names of all apps" + bind);
    for (const std::string suffix : {"org", "co.uk", "com"}) {
      const std::string why =
          suffix + " is a public suffix, below which everybody may have names" + bind;
      CHECK(why_lost(source, "*." + suffix) == why);
      CHECK(why_lost(source, suffix) == why);
    }
    // In no list, and in the list of what companies hand out.
    for (const char* host : {"*.test", "*.localhost", "*.github.io"}) {
      CAPTURE(host);
      CHECK_FALSE(why_lost(source, host).empty());
    }
    for (const char* host :
         {"localhost", "intranet", "example.co.uk", "*.example.org", "*.lab.test"}) {
      CAPTURE(host);
      CHECK(why_lost(source, host).empty());
    }
  }
  for (const char* host : {"*.apps.example.org", "*.test", "*.org"}) {
    CAPTURE(host);
    CHECK(why_lost("platform/blog.yml", host).empty());
    Platform platform = at_example();
    platform.tenants.emplace_back();
    platform.tenants.back().folder = "team-a";
    platform.tenants.back().domains = {host};
    CHECK(why_lost("team-a/blog.yml", host, platform).empty());
  }
}

TEST_CASE("what an app was given before these rules it keeps over an upgrade") {
  const Claims claims = {{"blog", {"blog.yml", {"*.localhost", "*.lan"}}}};
  HostOwners fresh, upgraded;
  fresh.update(claims, {});
  CHECK(fresh.lost("blog").size() == 2);
  upgraded.restore(R"({"schema": 1, "owners": {"*.localhost": "blog", "*.lan": "blog"}})");
  upgraded.update(claims, {});
  CHECK(upgraded.lost("blog").empty());
}

TEST_CASE(
    "class 3: another app's default name is not to be had, whether it says other domains or not") {
  CHECK(why_lost("team-a/blog.yml", "shop.apps.example.org") ==
        "it is the default name of the app shop");
  CHECK(why_lost("team-b/blog.yml", "shop.apps.example.org").empty());
  CHECK(why_lost("team-a/blog.yml", "www.apps.example.org").empty());
  CHECK(why_lost("platform/blog.yml", "shop.apps.example.org").empty());
}
