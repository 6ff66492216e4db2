// Golden plans of the edge: what nginx serves and what the apps add, and the whole plan that comes
// of it. Generations are words: NONE has no sites, NEW is what the apps add, OLD is another one.

#include <doctest/doctest.h>

#include <algorithm>

#include "providers/nginx/app.h"
#include "providers/nginx/diff.h"
#include "providers/nginx/seen.h"
#include "providers/nginx/steps.h"

using namespace fairlead;
using namespace fairlead::nginx;
using namespace std::chrono_literals;

namespace {

const std::string old_id = "01d";

struct Scene {
  Keys keys{"0123456789abcdef", Secret(std::string(32, 'k'))};
  Platform platform;
  Memory memory;
  SeenEdge seen;
  View view;

  // nginx runs and serves OLD, which has no sites.
  Scene() {
    view.app = edge_app;
    view.platform = &platform;
    view.memory = &memory;
    view.now.steady = 1h;
    view.seen = &seen;
    view.place = Place{"10.213.0.2", std::string(64, 'a')};
    seen.asked = seen.answers = true;
    serves(old_id, {});
  }

  void generation(const std::string& id, const Index& index) {
    seen.files.edit().insert(generation_path(id));
    seen.generations[id] = index;
    for (const auto& [app, site] : index) seen.files.edit().insert(site_path(app, site.id));
  }
  void serves(const std::string& id, const Index& index) {
    seen.files = std::set<std::string>{"current.conf"};
    seen.generations.clear();
    generation(id, index);
    seen.current = seen.live = id;
  }
  void adds(const std::string& app, const std::string& id, const std::string& file = "") {
    auto share = std::make_shared<AppShare>();
    share->app = app;
    share->id = id;
    share->site.text = "server of " + id;
    if (!file.empty()) share->site.files[file] = Secret("content");
    share->addresses = {"10.213.0.9"};
    view.shares.edit()[app] = share;
  }
  void counted(const std::string& name, Duration ago, int count = 1) {
    memory.counters[name] = {count, view.now.steady - ago};
  }

  std::pair<Plan, Report> diff() const {
    std::pair<Plan, Report> made;
    diff_edge(keys, view, made.first, made.second);
    return made;
  }
  // The generation of what the apps add, as it is switched to from another one.
  std::string id_of_new() const {
    Scene other;
    other.view.shares = view.shares;
    other.platform = platform;
    const Plan plan = other.diff().first;
    for (const Step& step : plan.steps()) {
      if (step.verb == "switch") return step.resource.substr(step.resource.find(' ') + 1);
    }
    throw std::runtime_error("nothing is switched to");
  }
  std::string plan() const {
    std::string text = diff().first.text();
    const auto word = [&text](const std::string& id, const std::string& name) {
      for (std::size_t at = text.find(id); at != text.npos; at = text.find(id, at)) {
        text.replace(at, id.size(), name);
      }
    };
    if (!view.shares->empty()) word(id_of_new(), "NEW");
    word(Scene().none(), "NONE");
    word(old_id, "OLD");
    return text;
  }
  std::string none() const {
    Scene empty;
    empty.seen = SeenEdge();
    empty.view.place.reset();
    const Plan plan = empty.diff().first;
    return plan.steps().at(1).resource.substr(std::string("generation ").size());
  }
  Report report() const { return diff().second; }
};

const Index blog_1 = {{"blog", {"b1", {"10.213.0.9"}}}};

std::string with_blog(const std::string& cause) {
  return "1. write file sites/blog.b1.conf: blog\n"
         "2. write file generation.NEW.conf: " +
         cause +
         "\n"
         "3. test generation NEW after 1, 2: " +
         cause +
         "\n"
         "4. switch generation NEW after 3: tested\n"
         "5. reload generation NEW after 4: " +
         cause +
         "\n"
         "6. wait generation NEW after 5: until nginx says that it serves it\n";
}

}  // namespace

TEST_CASE("before nginx runs the edge begins without sites, untested") {
  Scene scene;
  scene.seen = SeenEdge();
  scene.view.place.reset();
  scene.adds("blog", "b1");
  CHECK(scene.plan() ==
        "1. write file generation.NONE.conf: there is none\n"
        "2. switch generation NONE after 1: there is none\n");
  const Plan plan = scene.diff().first;
  const auto& file = std::get<FileCall>(plan.steps().front().request);
  CHECK(file.content.reveal().find("default_server") != std::string::npos);
  CHECK(file.content.reveal().find("http2") == std::string::npos);
}

TEST_CASE("a generation follows the version of the nginx that runs") {
  Scene scene;
  scene.adds("blog", "b1");
  const auto generation_for = [&](nginx::Version version) -> std::string {
    scene.seen.version = version;
    const Plan plan = scene.diff().first;
    for (const Step& step : plan.steps()) {
      if (step.verb != "write" || step.resource.find("generation.") == std::string::npos) continue;
      return std::get<FileCall>(step.request).content.reveal();
    }
    return "";
  };
  const std::string older = generation_for({1, 22, 1});
  CHECK(older.find(" ssl http2") != std::string::npos);
  CHECK(older.find("keepalive_min_timeout") == std::string::npos);
  const std::string newer = generation_for({1, 27, 4});
  CHECK(newer.find(" ssl http2") == std::string::npos);
  CHECK(newer.find("http2 on;") != std::string::npos);
  CHECK(newer.find("keepalive_min_timeout") != std::string::npos);
}

TEST_CASE("a site that is new is written, tested, switched to, reloaded and waited for") {
  Scene scene;
  scene.adds("blog", "b1");
  CHECK(scene.plan() == with_blog("blog added"));
}

TEST_CASE("what is there is not written again") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.seen.files.edit().insert("sites/blog.b1.conf");
  CHECK(scene.plan() ==
        "1. write file generation.NEW.conf: blog added\n"
        "2. test generation NEW after 1: blog added\n"
        "3. switch generation NEW after 2: tested\n"
        "4. reload generation NEW after 3: blog added\n"
        "5. wait generation NEW after 4: until nginx says that it serves it\n");
}

TEST_CASE("of three changes two are named, and all go in one reload") {
  Scene scene;
  scene.serves(old_id, {{"gone", {"a1", {}}}, {"blog", {"b0", {}}}});
  scene.adds("blog", "b1");
  scene.adds("shop", "c1");
  const std::string text = scene.plan();
  CHECK(text.find("reload generation NEW after 6: blog changed, shop added, and 1 more\n") ==
        text.npos);
  CHECK(text.find("blog changed, shop added, gone removed") != text.npos);
  CHECK(text.find("reload") == text.rfind("reload"));
}

TEST_CASE("what is switched to and not served yet is waited for, then reloaded again, twice") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.generation(scene.id_of_new(), blog_1);
  scene.seen.current = scene.id_of_new();
  scene.counted("reload", 3s);
  CHECK(scene.plan() == "1. wait generation NEW: until nginx says that it serves it\n");
  CHECK(scene.report().look_again == scene.view.now.steady + 20ms + 150us);
  scene.counted("reload", 3010ms);
  CHECK(scene.plan() == "1. reload generation NEW: nginx serves generation OLD\n");
  scene.counted("again " + scene.id_of_new(), 1s);
  CHECK(scene.plan() == "1. wait generation NEW: until nginx says that it serves it\n");
  scene.counted("again " + scene.id_of_new(), 3010ms, 2);
  CHECK(scene.plan() == "1. switch generation OLD: nginx does not take generation NEW\n");
}

TEST_CASE("a daemon that died before the reload makes it at once") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.generation(scene.id_of_new(), blog_1);
  scene.seen.current = scene.id_of_new();
  CHECK(scene.plan() == "1. reload generation NEW: nginx serves generation OLD\n");
}

TEST_CASE("what nginx did not take is not tried again for a while, and said") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.counted("refused " + scene.id_of_new(), 29s);
  CHECK(scene.plan() == "");
  CHECK(scene.report().reason == "ReloadRefused");
  scene.counted("refused " + scene.id_of_new(), 30s);
  CHECK(scene.plan() == with_blog("blog added"));
}

TEST_CASE("reloads keep apart, further where many old workers are left") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.counted("reload", 299ms);
  CHECK(scene.plan() == "");
  CHECK(scene.report().look_again == scene.view.now.steady + 1ms);
  scene.counted("reload", 300ms);
  CHECK(scene.plan() == with_blog("blog added"));
  scene.seen.old_workers = 64;
  CHECK(scene.plan() == "");
  scene.counted("reload", 30s);
  CHECK(scene.plan() == with_blog("blog added"));
}

TEST_CASE("a site that is rejected is left out, and the one before stays in its place") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.adds("bad", "c2");
  scene.seen.rejected["bad.c2"] = "why";
  CHECK(scene.plan().find("sites/bad") == std::string::npos);
  scene.serves(old_id, {{"bad", {"c1", {}}}});
  CHECK(scene.plan().find("test generation") != std::string::npos);
  CHECK(scene.plan().find("bad removed") == std::string::npos);
  scene.seen.rejected["bad.c1"] = "why";
  CHECK(scene.plan().find("bad removed") != std::string::npos);
}

TEST_CASE("a site whose certificate is rejected is left out") {
  Scene scene;
  scene.adds("bad", "c1", "certificates/1f2e.pem");
  scene.adds("blog", "b1");
  scene.seen.rejected["certificates/1f2e.pem"] = "why";
  const std::string text = scene.plan();
  CHECK(text.find("blog added") != text.npos);
  CHECK(text.find("bad") == text.npos);
}

TEST_CASE("the site of an app that has not decided yet stays") {
  Scene scene;
  scene.serves(old_id, {{"shop", {"c1", {}}}});
  scene.adds("blog", "b1");
  scene.view.undecided = {"shop"};
  CHECK(scene.plan().find("shop removed") == std::string::npos);
  scene.view.undecided.clear();
  CHECK(scene.plan().find("shop removed") != std::string::npos);
}

TEST_CASE("at rest what nothing refers to goes, and what is missing is written") {
  Scene scene;
  scene.adds("blog", "b1", "certificates/1f2e.pem");
  scene.serves(scene.id_of_new(), blog_1);
  for (const char* path : {"generation.dead.conf", "sites/blog.b0.conf", "passwords/1f2e"}) {
    scene.seen.files.edit().insert(path);
  }
  CHECK(scene.plan() ==
        "1. write file certificates/1f2e.pem: blog\n"
        "2. remove file generation.dead.conf: nothing refers to it any more\n"
        "3. remove file passwords/1f2e: nothing refers to it any more\n"
        "4. remove file sites/blog.b0.conf: nothing refers to it any more\n");
  CHECK(scene.report().sync == SyncState::synced);
}

TEST_CASE("what nothing refers to goes when no reload was for a while, or there is much of it") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.serves(scene.id_of_new(), blog_1);
  scene.seen.files.edit().insert("sites/blog.b0.conf");
  scene.counted(all_reloads, 10s);
  CHECK(scene.plan().empty());
  CHECK(scene.report().look_again == scene.view.now.steady + 20s);
  CHECK(scene.report().sync == SyncState::synced);
  scene.counted(all_reloads, 30s);
  CHECK(scene.plan() == "1. remove file sites/blog.b0.conf: nothing refers to it any more\n");
  scene.counted(all_reloads, 10s);
  for (int i = 1; i < 50; ++i) {
    scene.seen.files.edit().insert("sites/shop." + std::to_string(1000 + i) + ".conf");
  }
  CHECK(scene.plan().find("50. remove file") != std::string::npos);
}

TEST_CASE("beside a site that is kept nothing is removed that it may need") {
  Scene scene;
  const Index shop = {{"shop", {"c1", {}}}};
  scene.serves(old_id, shop);
  scene.view.undecided = {"shop"};
  scene.seen.files.edit().insert("passwords/1f2e");
  CHECK(scene.plan().find("passwords") == std::string::npos);
}

TEST_CASE("where current.conf was overwritten it names again what nginx serves") {
  Scene scene;
  scene.seen.current.clear();
  CHECK(scene.plan() ==
        "1. switch generation OLD: current.conf names no generation that is there\n");
}

TEST_CASE("where its files are gone they are put back, and nginx is told nothing less before") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.serves(scene.id_of_new(), blog_1);
  scene.seen.files.edit().clear();
  scene.seen.current.clear();
  CHECK(scene.plan() == with_blog("blog added"));
  scene.view.undecided = {"shop"};
  CHECK(scene.plan() == "");
  scene.view.undecided.clear();
  scene.seen.answers = false;
  CHECK(scene.plan() == "");
  scene.seen.gone = true;
  CHECK(scene.plan().find("switch generation NONE") != std::string::npos);
}

TEST_CASE("while nginx does not run nothing is changed") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.view.place.reset();
  CHECK(scene.plan() == "");
}

TEST_CASE("where many old workers are left, more is gathered for each reload") {
  Scene scene;
  scene.adds("blog", "b1");
  scene.counted("reload", 29s);
  scene.seen.old_workers = 63;
  CHECK(scene.plan().find("reload") != std::string::npos);
  scene.seen.old_workers = 64;
  CHECK(scene.plan().empty());
  CHECK(scene.report().look_again == scene.view.now.steady + 1s);
}
