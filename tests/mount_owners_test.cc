#include <doctest/doctest.h>

#include "reconciler/hosts.h"

using namespace fairlead;

// What an attacker found (class 5): who writes in a folder decides what another app mounts below.

namespace {

using Said = std::map<std::string, std::vector<HostMount>>;

HostMount reads(const std::string& path) { return {path, "/x", true}; }
HostMount writes(const std::string& path) { return {path, "/x", false}; }

// Who is refused of those that come one after the other.
std::string refused_after(const std::vector<Said>& readings) {
  MountOwners owners;
  for (const Said& said : readings) owners.update(said);
  std::string all;
  for (const auto& [app, mounts] : readings.back()) {
    if (!owners.refused(app).empty()) all += app;
  }
  return all;
}

}  // namespace

TEST_CASE("no app mounts what lies in a folder that another one may write (class 5)") {
  const Said writer = {{"a", {writes("/srv/t")}}};
  CHECK(refused_after({writer, {{"a", {writes("/srv/t")}}, {"b", {reads("/srv/t/evil")}}}}) == "b");
  CHECK(refused_after({{{"b", {reads("/srv/t/in")}}},
                       {{"a", {writes("/srv/t")}}, {"b", {reads("/srv/t/in")}}}}) == "a");
  // At once: by name.
  CHECK(refused_after({{{"a", {writes("/srv/t/in")}}, {"b", {writes("/srv/t")}}}}) == "b");
}

TEST_CASE("who shares the very same folder, or only reads around it, is not refused") {
  CHECK(refused_after({{{"a", {writes("/srv/t")}}, {"b", {writes("/srv/t")}}}}) == "");
  CHECK(refused_after({{{"a", {reads("/srv")}}, {"b", {writes("/srv/t")}}}}) == "");
  CHECK(refused_after({{{"a", {writes("/srv/t")}}, {"b", {writes("/srv/tea")}}}}) == "");
  CHECK(refused_after({{{"a", {writes("/srv/t"), writes("/srv/t/in")}}}}) == "");
}

TEST_CASE("the first keeps its folder over restarts, until it no longer says it") {
  const Said both = {{"a", {writes("/srv/t")}}, {"b", {reads("/srv/t/in")}}};
  MountOwners first;
  first.update({{"b", {reads("/srv/t/in")}}});
  CHECK(first.changed());
  CHECK(first.update(both) == std::set<std::string>{"a"});
  CHECK(first.refused("a").find("the app b mounts /srv/t/in in it") != std::string::npos);
  MountOwners second;
  second.restore(first.encode());
  second.update(both);
  CHECK_FALSE(second.changed());
  CHECK(second.refused("a") != "");
  CHECK(second.refused("b") == "");
  CHECK(second.update({{"a", {writes("/srv/t")}}}) == std::set<std::string>{"a"});
  CHECK(second.refused("a") == "");
  second.update({});
  CHECK(second.encode() == "");
  MountOwners damaged;
  damaged.restore("{");
  CHECK(damaged.update(both) == std::set<std::string>{"b"});
}

TEST_CASE("what is said anew comes later, and of a refused app what it said before still counts") {
  const HostMount inner = reads("/srv/t/in");
  MountOwners owners;
  owners.update({{"a", {reads("/srv/t")}}, {"b", {inner}}});
  CHECK(owners.update({{"a", {writes("/srv/t")}}, {"b", {inner}}}) == std::set<std::string>{"a"});
  // a runs on with /srv/u, which it no longer says, as what it says now is refused.
  owners.update({{"a", {writes("/srv/u")}}, {"b", {inner}}});
  owners.update({{"a", {writes("/srv/t")}}, {"b", {inner}}});
  owners.update({{"a", {writes("/srv/t")}}, {"b", {inner}}, {"c", {reads("/srv/u/in")}}});
  CHECK(owners.refused("c") != "");
}
