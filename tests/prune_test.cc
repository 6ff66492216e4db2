#include "reconciler/prune.h"

#include <doctest/doctest.h>

#include <string>

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

// "a b c"
std::string text(const std::set<std::string>& apps) {
  std::string joined;
  for (const std::string& app : apps) joined += (joined.empty() ? "" : " ") + app;
  return joined;
}

std::set<std::string> apps(int count) {
  std::set<std::string> names;
  for (int i = 0; i < count; ++i) names.insert("app" + std::to_string(100 + i));
  return names;
}

// One guard and the world as it sees it: grace 10 s, fuse 3 apps and 30 %.
struct Guarded {
  PruneGuard guard;
  PruneGuard::Input input;

  Guarded(std::set<std::string> candidates, std::size_t wanted) {
    input.candidates = std::move(candidates);
    input.wanted = wanted;
  }
  PruneGuard::Verdict at(Duration now) {
    input.now = now;
    return guard.decide(input);
  }
  // Removes what may go now, as the loop does.
  void remove_now(const PruneGuard::Verdict& verdict) {
    for (const std::string& app : verdict.remove) {
      guard.begun(app, input.now);
      input.candidates.erase(app);
    }
  }
};

}  // namespace

TEST_CASE("an app without a manifest goes when its grace is over, and not before") {
  Guarded world({"blog"}, 9);
  const auto first = world.at(100s);
  CHECK(text(first.waiting) == "blog");
  CHECK(first.remove.empty());
  CHECK(first.due == Duration(110s));
  CHECK_FALSE(first.approvable);
  CHECK(world.at(109s).remove.empty());
  CHECK(text(world.at(110s).remove) == "blog");
}

TEST_CASE("the grace counts from the manifest's absence, also where an earlier run saw that") {
  Guarded world({"blog", "shop", "wiki"}, 9);
  world.input.absent_for = {{"blog", 4s}, {"shop", 1h}, {"wiki", -1h}};
  const auto first = world.at(100s);
  CHECK(text(first.remove) == "shop");
  CHECK(first.due == Duration(106s));
  world.input.candidates.erase("shop");
  // What is known once is not told anew.
  world.input.absent_for["blog"] = 1h;
  CHECK(world.at(105s).remove.empty());
  CHECK(text(world.at(106s).remove) == "blog");
  world.input.candidates.erase("blog");
  CHECK(text(world.at(110s).remove) == "wiki");
}

TEST_CASE("each app has its own grace") {
  Guarded world({"blog"}, 20);
  world.at(100s);
  world.input.candidates = {"blog", "shop"};
  CHECK(world.at(105s).due == Duration(110s));
  const auto later = world.at(110s);
  CHECK(text(later.remove) == "blog");
  CHECK(text(later.waiting) == "shop");
  CHECK(later.due == Duration(115s));
}

TEST_CASE("an app that comes back in between begins its grace anew") {
  Guarded world({"blog"}, 9);
  world.at(100s);
  world.input.candidates.clear();
  CHECK(world.at(105s).waiting.empty());
  world.input.candidates = {"blog"};
  CHECK(world.at(111s).due == Duration(121s));
}

TEST_CASE("the fuse blows beyond both the number and the share, never beyond one alone") {
  CHECK_FALSE(Guarded(apps(3), 0).at(0s).approvable);    // all of 3
  CHECK(Guarded(apps(4), 0).at(0s).approvable);          // all of 4
  CHECK_FALSE(Guarded(apps(30), 70).at(0s).approvable);  // 30 % of 100
  CHECK(Guarded(apps(31), 69).at(0s).approvable);        // 31 % of 100
  CHECK(Guarded(apps(4), 9).at(0s).approvable);          // 4 of 13: 30.8 %
  CHECK_FALSE(Guarded(apps(4), 10).at(0s).approvable);   // 4 of 14: 28.6 %
}

TEST_CASE("the fuse follows the platform file") {
  Guarded world(apps(2), 2);
  world.input.limits.fuse_apps = 1;
  CHECK(world.at(0s).approvable);
  world.input.limits.fuse_percent = 50;
  CHECK_FALSE(world.at(0s).approvable);
  Guarded none(apps(1), 100);
  none.input.limits.fuse_apps = 0;
  none.input.limits.fuse_percent = 0;
  CHECK(none.at(0s).approvable);
}

TEST_CASE("a blown fuse holds everything back until it is approved, whatever time passes") {
  Guarded world(apps(5), 1);
  world.at(0s);
  const auto verdict = world.at(24h);
  CHECK(verdict.remove.empty());
  CHECK(verdict.waiting.size() == 5);
  CHECK_FALSE(verdict.due.has_value());
  CHECK(verdict.reason ==
        "would remove app100, app101, app102, app103, app104: that is 5 of 6 apps, more than the "
        "fuse allows (3 apps and 30 %)");
  CHECK(text(world.guard.approve(verdict, verdict.token)) == text(apps(5)));
  CHECK(text(world.at(24h).remove) == text(apps(5)));
}

TEST_CASE("the token of another set is refused") {
  Guarded world(apps(5), 1);
  const auto before = world.at(0s);
  world.input.candidates = apps(6);
  const auto now = world.at(1s);
  CHECK(before.token != now.token);
  CHECK(world.guard.approve(now, before.token).empty());
  CHECK(world.at(2s).remove.empty());
  CHECK(world.guard.approve(now, "").size() == 6);
}

TEST_CASE("approval is for the apps that were named, and not for those that follow") {
  Guarded world(apps(5), 1);
  const auto verdict = world.at(0s);
  world.guard.approve(verdict, verdict.token);
  world.input.candidates = apps(10);
  const auto later = world.at(1s);
  CHECK(text(later.remove) == text(apps(5)));
  CHECK(later.waiting.size() == 5);
  CHECK(later.approvable);
}

TEST_CASE("an approval ends when the app comes back") {
  Guarded world(apps(5), 1);
  const auto verdict = world.at(0s);
  world.guard.approve(verdict, verdict.token);
  world.input.candidates.clear();
  world.at(1s);
  world.input.candidates = apps(5);
  CHECK(world.at(2s).remove.empty());
}

TEST_CASE("a trickle beneath the fuse adds up within ten minutes") {
  Guarded world({"a", "b", "c"}, 5);
  world.at(0s);
  const auto first = world.at(10s);
  CHECK(text(first.remove) == "a b c");
  world.remove_now(first);
  world.input.candidates = {"d"};
  world.input.wanted = 4;
  CHECK(world.at(20s).approvable);  // four of eight
  CHECK(world.at(9min).approvable);
  CHECK_FALSE(world.at(11min).approvable);  // what went by then counts no more
}

TEST_CASE("the fuse names what it counts: what would go, and what went in the last ten minutes") {
  Guarded world({"a", "b", "c"}, 5);
  world.at(0s);
  world.remove_now(world.at(10s));
  world.input.candidates = {"d"};
  world.input.wanted = 4;
  CHECK(world.at(20s).reason ==
        "would remove d; with the 3 removed in the last ten minutes (a, b, c) that is 4 of 8 apps, "
        "more than the fuse allows (3 apps and 30 %)");
}

TEST_CASE("an app whose manifest came back and went again counts once") {
  Guarded world({"a", "b", "c"}, 5);
  world.at(0s);
  world.remove_now(world.at(10s));
  world.guard.returned("c");
  world.input.candidates = {"d"};
  CHECK_FALSE(world.at(20s).approvable);
  world.input.candidates = {"a", "d"};
  CHECK_FALSE(world.at(30s).approvable);
}

TEST_CASE("what was approved does not count into the trickle") {
  Guarded world(apps(5), 5);
  const auto verdict = world.at(0s);
  world.guard.approve(verdict, "");
  world.remove_now(world.at(1s));
  world.input.candidates = {"d"};
  CHECK_FALSE(world.at(2s).approvable);
}

TEST_CASE("nothing is removed while there is a reason to hold, and that cannot be approved") {
  Guarded world({"blog"}, 9);
  world.input.hold = "the manifest folder /m is missing";
  world.at(0s);
  const auto verdict = world.at(1h);
  CHECK(verdict.remove.empty());
  CHECK(verdict.reason == "the manifest folder /m is missing");
  CHECK_FALSE(verdict.approvable);
  CHECK(world.guard.approve(verdict, verdict.token).empty());
  world.input.hold.clear();
  CHECK(text(world.at(1h).remove) == "blog");
}

TEST_CASE("an empty folder removes nothing by itself, not even a single app") {
  Guarded world({"blog"}, 0);
  world.input.empty_reading = true;
  world.at(0s);
  const auto verdict = world.at(1h);
  CHECK(verdict.remove.empty());
  CHECK(verdict.approvable);
  CHECK(text(world.guard.approve(verdict, verdict.token)) == "blog");
  CHECK(text(world.at(1h).remove) == "blog");
}

TEST_CASE("without candidates there is nothing to decide") {
  const auto verdict = Guarded({}, 9).at(0s);
  CHECK(verdict.remove.empty());
  CHECK(verdict.waiting.empty());
  CHECK(verdict.reason.empty());
  CHECK(verdict.token.empty());
}

TEST_CASE("of many apps five are named") {
  CHECK(Guarded(apps(7), 0).at(0s).reason.find("app104 and 2 more:") != std::string::npos);
}

TEST_CASE("class 18: what holds one app holds no other, and no approval lets it go") {
  Guarded world({"blog", "shop"}, 9);
  world.input.held["blog"] = "team-a/x.yml is broken";
  const auto first = world.at(100s);
  CHECK(text(first.waiting) == "shop");
  CHECK(first.held.count("blog") == 1);
  const auto later = world.at(110s);
  CHECK(text(later.remove) == "shop");
  CHECK(later.why() == "team-a/x.yml is broken");
  CHECK(world.guard.approve(later, "").empty());
  world.remove_now(later);
  world.input.held.clear();
  CHECK(text(world.at(111s).remove) == "blog");
}

TEST_CASE("class 18: apps that are held blow nobody's fuse") {
  std::set<std::string> many = apps(20);
  many.insert("shop");
  Guarded world(many, 30);
  for (const std::string& app : apps(20)) world.input.held[app] = "team-a/x.yml is broken";
  world.at(100s);
  CHECK(text(world.at(110s).remove) == "shop");
  world.input.held.clear();
  CHECK(world.at(111s).approvable);
}
