#include "reconciler/tenants.h"

#include <doctest/doctest.h>

#include "reconciler/platform.h"

using namespace fairlead;

namespace {

std::vector<Tenant> tenants(const std::string& text) {
  const ParsedPlatform parsed = parse_platform("fairlead.yml", "tenants:\n" + text);
  for (const Error& error : parsed.errors) FAIL(error.text());
  return parsed.platform.tenants;
}

const std::vector<Tenant>& two() {
  static const std::vector<Tenant> made = tenants(
      "- folder: team-a\n"
      "  names: [shop, acme-*]\n"
      "  secrets: [team-a/, shared/smtp]\n"
      "  mount_roots: [/srv/a]\n"
      "  ports: [25565, 8000-8099]\n"
      "  registries: [ghcr.io]\n"
      "  needs: [storage]\n"
      "  connections: 20\n"
      "- folder: team-b\n");
  return made;
}

// What is refused of `more` below the name and image of an app in `source`; empty: nothing.
std::string refused(const std::string& source, const std::string& more,
                    const std::string& head = "name: shop\nimage: ghcr.io/acme/shop:1\n") {
  const ParsedManifest manifest = parse_manifest(source, head + more);
  for (const Error& error : manifest.errors) FAIL(error.text());
  const auto beyond = beyond_tenant(*manifest.apps.at(0).app, two(), source);
  return beyond ? beyond->text() : "";
}

}  // namespace

TEST_CASE("class 20: what a manifest asks for beyond its tenant is refused, with the rule's line") {
  const auto a = [](const std::string& more) { return refused("team-a/shop.yml", more); };
  CHECK(a("").empty());
  CHECK(a("secrets: {X: {file: team-a/x}, Y: {file: shared/smtp}}\n").empty());
  CHECK(a("secrets: {X: {file: team-b/dbpass}}\n") ==
        "team-a/shop.yml:3: secrets.X: the secret file team-b/dbpass is beyond what the tenant "
        "team-a may have (secrets, fairlead.yml:4:3)");
  CHECK(a("secrets: {X: {file: shared/smtp2}}\n") != "");
  CHECK(a("expose: [{port: 80, auth: team-b/ht}]\n").find("team-b/ht") != std::string::npos);
  CHECK(a("mounts: [{host: /srv/a/x, path: /x}]\n").empty());
  CHECK(a("mounts: [{host: /srv/ab, path: /x}]\n") ==
        "team-a/shop.yml:3: mounts: the mount /srv/ab is beyond what the tenant team-a may have "
        "(mount_roots, fairlead.yml:5:3)");
  CHECK(a("expose: [{port: 80, publish: 8000}]\n").empty());
  CHECK(a("expose: [{port: 80, publish: 25565}]\n").empty());
  CHECK(a("expose: [{port: 80, publish: 8100}]\n").find("the port 8100") != std::string::npos);
  CHECK(a("needs: [storage]\n").empty());
  CHECK(a("needs: [database]\n").find("the need database") != std::string::npos);
}

TEST_CASE("a tenant's images come from its registries, and its names are its own") {
  CHECK(refused("team-a/x.yml", "", "name: acme-x\nimage: ghcr.io/acme/x:1\n").empty());
  CHECK(refused("team-a/x.yml", "", "name: acme-x\nimage: nginx:1\n").find("docker.io") !=
        std::string::npos);
  CHECK(refused("team-a/x.yml", "", "name: other\nimage: ghcr.io/a/x:1\n").find("the name other") !=
        std::string::npos);
  CHECK(refused("team-b/x.yml", "", "name: acme-x\nimage: nginx:1\n") ==
        "team-b/x.yml:1: name: acme-x is a name of the tenant team-a (names, fairlead.yml:3:3)");
  CHECK(refused("x.yml", "", "name: acme-x\nimage: nginx:1\n") != "");
}

TEST_CASE("what a tenant is not given it does not have, and the operator has all") {
  const std::string head = "name: mine\nimage: nginx:1\n";
  CHECK(refused("team-b/x.yml", "needs: [database, messagebus, storage]\n", head).empty());
  CHECK(refused("team-b/x.yml", "secrets: {X: {file: team-b/x}}\n", head).empty());
  CHECK(refused("team-b/x.yml", "secrets: {X: {file: team-a/x}}\n", head) != "");
  CHECK(refused("team-b/x.yml", "mounts: [{host: /srv/a, path: /x}]\n", head) != "");
  CHECK(refused("team-b/x.yml", "expose: [{port: 80, publish: 8000}]\n", head) != "");
  const std::string all =
      "secrets: {X: {file: team-a/x}}\nmounts: [{host: /srv/a, path: /x}]\n"
      "expose: [{port: 80, publish: 22}]\n";
  CHECK(refused("x.yml", all, head).empty());
  CHECK(refused("team-bb/x.yml", all, head).empty());
}

TEST_CASE("more connections than a tenant has are refused, of each account") {
  const auto made = tenants("- {folder: t, connections: 20}\n");
  const auto refused_with = [&](int number) {
    const ParsedManifest manifest =
        parse_manifest("t/x.yml", "name: x\nimage: y\nneeds: [{database: {connections_max: " +
                                      std::to_string(number) + "}}]\n");
    return beyond_tenant(*manifest.apps.at(0).app, made, "t/x.yml").has_value();
  };
  CHECK_FALSE(refused_with(20));
  CHECK(refused_with(21));
}

TEST_CASE("a folder in a tenant's folder may be another tenant's") {
  const auto made = tenants("- {folder: teams}\n- {folder: teams/b}\n");
  CHECK(tenant_of(made, "teams/x.yml")->folder == "teams");
  CHECK(tenant_of(made, "teams/b/x.yml")->folder == "teams/b");
  CHECK(tenant_of(made, "teams/bb/x.yml")->folder == "teams");
  CHECK(tenant_of(made, "x.yml") == nullptr);
}

TEST_CASE("logins are for the operator, and for tenants that name their registries") {
  CHECK(may_log_in(nullptr));
  CHECK(may_log_in(&two()[0]));
  CHECK_FALSE(may_log_in(&two()[1]));
}
