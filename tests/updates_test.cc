#include "reconciler/updates.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

std::string digest(char c) { return "sha256:" + std::string(64, c); }

std::string joined(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : " ") + name;
  return text;
}

// Updates with a clock, and registries that answer what the test says.
struct Scene {
  Updates updates{1};
  Instant now{100s, 1'000'000s};
  Platform platform;
  Updates::Change last;

  std::string want(const std::string& name, const std::string& image, const std::string& update,
                   const std::string& more = "") {
    const std::string text = "name: " + name + "\nimage: " + image + "\n" +
                             (update.empty() ? "" : "update: {" + update + "}\n") + more;
    const ParsedManifest parsed = parse_manifest("a.yml", text);
    REQUIRE_MESSAGE(parsed.errors.empty(), text);
    updates.want(*parsed.apps[0].app, text, now);
    return updates.image(name);
  }
  // What is asked now: "HEAD r.org:443 /v2/…", one a line.
  std::vector<Updates::Question> ask() { return updates.wake(now, platform); }
  std::uint64_t ask_one() {
    const auto questions = ask();
    REQUIRE(questions.size() == 1);
    return questions[0].ticket;
  }
  Updates::Change take(std::uint64_t ticket, Answer answer) {
    last = updates.take(ticket, answer, now);
    return last;
  }
  Updates::Change tags(std::uint64_t ticket, const std::string& list) {
    return take(ticket, {200, R"({"tags":)" + list + "}", "", {}});
  }
  Updates::Change head(std::uint64_t ticket, char which) {
    return take(ticket, {200, "", "", {{"docker-content-digest", digest(which)}}});
  }
  Updates::Change down(std::uint64_t ticket) { return take(ticket, {0, "", "refused", {}}); }
  // A whole question of an app that follows numbers.
  void numbers(const std::string& list, char which) {
    tags(ask_one(), list);
    head(ask_one(), which);
  }
  // Until the next question is due.
  Duration sleep() {
    REQUIRE(updates.due() != Duration::max());
    const Duration slept = updates.due() - now.steady;
    now = {updates.due(), now.wall + slept};
    return slept;
  }
  bool idle() { return ask().empty() && updates.due() > now.steady; }
  Report report(const std::string& running = "web=1") const {
    Report made;
    made.running = running;
    made.wanted = "web=1";
    return made;
  }
  std::string state(const std::string& app, const std::string& tag) {
    const Json images = updates.images(app, report(), now);
    for (const Json& item : images["tags"].items()) {
      if (item["tag"].as_string() == tag) return item["state"].as_string();
    }
    return "absent";
  }
};

}  // namespace

TEST_CASE("an app without update keeps its image and asks nobody") {
  Scene scene;
  CHECK(scene.want("a", "r.org/a:1", "") == "r.org/a:1");
  CHECK_FALSE(scene.updates.undecided("a"));
  CHECK(scene.idle());
  CHECK(scene.updates.due() == Duration::max());
  CHECK(scene.updates.summary("a").is_null());
  CHECK(scene.updates.encode("a").empty());
  CHECK(scene.updates.image("b").empty());
}

TEST_CASE("the first question decides; then the newest tag is pinned by its digest") {
  Scene scene;
  CHECK(scene.want("a", "r.org/a:1", "track: numeric") == "r.org/a:1");
  CHECK(scene.updates.undecided("a"));
  scene.tags(scene.ask_one(), R"(["1","2","x"])");
  CHECK(scene.updates.undecided("a"));
  const auto change = scene.head(scene.ask_one(), 'b');
  CHECK_FALSE(scene.updates.undecided("a"));
  CHECK(joined(change.resolve) == "a");
  CHECK(joined(change.save) == "a");
  CHECK(scene.updates.image("a") == "r.org/a:2@" + digest('b'));
  CHECK(scene.updates.summary("a")["tag"] == Json("2"));
  CHECK(scene.updates.summary("a")["digest"] == Json(digest('b')));
}

TEST_CASE(
    "what is asked again comes after the interval, and changes nothing where nothing is new") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: numeric, interval: 10m");
  scene.numbers(R"(["1"])", 'a');
  const Duration slept = scene.sleep();
  CHECK(slept >= 8min);
  CHECK(slept <= 12min);
  scene.numbers(R"(["1"])", 'f');  // moved, which is not followed
  CHECK(scene.last.resolve.empty());
  CHECK(scene.updates.image("a") == "r.org/a:1@" + digest('a'));
  scene.sleep();
  scene.numbers(R"(["1","0002"])", 'b');
  CHECK(joined(scene.last.resolve) == "a");
  CHECK(scene.updates.image("a") == "r.org/a:0002@" + digest('b'));
}

TEST_CASE("by digest a tag that was pushed anew is another image, and one that went back as well") {
  Scene scene;
  scene.want("a", "r.org/a", "track: digest");
  scene.head(scene.ask_one(), 'a');
  CHECK(scene.updates.image("a") == "r.org/a:latest@" + digest('a'));
  scene.updates.passed("a", scene.updates.image("a"));
  scene.sleep();
  scene.head(scene.ask_one(), 'b');
  CHECK(scene.updates.image("a") == "r.org/a:latest@" + digest('b'));
  scene.sleep();
  scene.head(scene.ask_one(), 'a');
  CHECK(joined(scene.last.resolve) == "a");
  CHECK(scene.updates.image("a") == "r.org/a:latest@" + digest('a'));
}

TEST_CASE("what fails its gate is left, and not tried again until there is a newer one") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: numeric");
  scene.numbers(R"(["1"])", 'a');
  const std::string good = scene.updates.image("a");
  CHECK(joined(scene.updates.passed("a", good).save) == "a");
  CHECK(scene.updates.passed("a", good).save.empty());
  scene.sleep();
  scene.numbers(R"(["1","2"])", 'b');
  const std::string bad = scene.updates.image("a");
  CHECK(scene.updates.failed("a", good, "late news").resolve.empty());
  const auto change = scene.updates.failed("a", bad, "exit code 3");
  CHECK(joined(change.resolve) == "a");
  CHECK(joined(change.save) == "a");
  REQUIRE(change.log.size() == 1);
  CHECK(change.log[0].cause.find("2 failed: exit code 3; back to " + good) == 0);
  CHECK(scene.updates.image("a") == good);
  CHECK(scene.updates.failed("a", bad, "again").save.empty());
  CHECK(scene.updates.summary("a")["failed"]["tag"] == Json("2"));
  scene.sleep();
  scene.numbers(R"(["1","2"])", 'b');
  CHECK(scene.last.resolve.empty());
  CHECK(scene.updates.image("a") == good);
  CHECK(scene.state("a", "2") == "failed: exit code 3");
  scene.sleep();
  scene.numbers(R"(["1","2","3"])", 'c');
  CHECK(scene.updates.image("a") == "r.org/a:3@" + digest('c'));
}

TEST_CASE("a failed one that is pushed anew is tried") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: numeric");
  scene.numbers(R"(["1","2"])", 'b');
  scene.updates.failed("a", scene.updates.image("a"), "x");
  CHECK(scene.updates.image("a") == "r.org/a:1");  // the manifest's own, for want of another
  scene.sleep();
  scene.numbers(R"(["1","2"])", 'c');
  CHECK(scene.updates.image("a") == "r.org/a:2@" + digest('c'));
}

TEST_CASE("the first of all that fails stays wanted, as the manifest's own would, until a newer") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: digest");
  scene.head(scene.ask_one(), 'a');
  const std::string only = scene.updates.image("a");
  CHECK(joined(scene.updates.failed("a", only, "x").save) == "a");
  CHECK(scene.updates.failed("a", only, "x").save.empty());
  CHECK(scene.updates.image("a") == only);
  scene.sleep();
  scene.head(scene.ask_one(), 'b');
  CHECK(scene.updates.image("a") == "r.org/a:1@" + digest('b'));
}

TEST_CASE("another manifest gives what failed a new try; another image begins anew") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: numeric");
  scene.numbers(R"(["1"])", 'a');
  const std::string good = scene.updates.image("a");
  scene.updates.passed("a", good);
  scene.sleep();
  scene.numbers(R"(["2"])", 'b');
  scene.updates.failed("a", scene.updates.image("a"), "x");
  CHECK(scene.want("a", "r.org/a:1", "track: numeric", "env: {A: b}\n") == good);
  CHECK_FALSE(scene.updates.undecided("a"));
  scene.numbers(R"(["2"])", 'b');
  CHECK(scene.updates.image("a") == "r.org/a:2@" + digest('b'));
  CHECK(scene.want("a", "r.org/a:5", "track: numeric") == "r.org/a:5");
  CHECK(scene.updates.undecided("a"));
  CHECK(scene.want("a", "r.org/a:5", "") == "r.org/a:5");
  CHECK(scene.idle());
}

TEST_CASE("the same manifest read again neither asks again nor forgets") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: numeric");
  const std::uint64_t ticket = scene.ask_one();
  scene.want("a", "r.org/a:1", "track: numeric");
  CHECK(scene.ask().empty());
  scene.tags(ticket, R"(["2"])");
  scene.head(scene.ask_one(), 'b');
  scene.want("a", "r.org/a:1", "track: numeric");
  CHECK(scene.idle());
  CHECK(scene.updates.image("a") == "r.org/a:2@" + digest('b'));
}

TEST_CASE("a registry that is down changes nothing, is told once, and is asked again later") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: digest");
  const auto change = scene.down(scene.ask_one());
  CHECK(joined(change.resolve) == "a");  // decided: the manifest's own
  CHECK(change.save.empty());
  CHECK(change.log.size() == 1);
  CHECK(scene.updates.image("a") == "r.org/a:1");
  CHECK(scene.updates.summary("a")["error"].as_string().find("cannot be reached") !=
        std::string::npos);
  Duration before = scene.sleep();
  CHECK(before >= 24s);
  CHECK(before <= 36s);
  for (int i = 0; i < 9; ++i) {
    CHECK(scene.down(scene.ask_one()).log.empty());
    before = scene.sleep();
  }
  CHECK(before >= 48min);
  CHECK(before <= 72min);
  CHECK(joined(scene.head(scene.ask_one(), 'a').resolve) == "a");
  CHECK(scene.updates.summary("a")["error"].as_string().empty());
  CHECK(scene.sleep() <= 6min);
}

TEST_CASE("class 8: a registry that is not allowed is asked nothing, and the app is decided") {
  Scene scene;
  scene.want("blog", "127.0.0.1:5000/acme/blog:1", "track: numeric");
  const auto questions = scene.ask();
  REQUIRE(questions.size() == 1);
  CHECK_FALSE(questions[0].call);
  const Updates::Change change = scene.take(questions[0].ticket, Answer{});
  REQUIRE(change.log.size() == 1);
  CHECK(change.log[0].cause.find("the registry 127.0.0.1:5000") != std::string::npos);
  CHECK_FALSE(scene.updates.undecided("blog"));
  CHECK(scene.updates.image("blog") == "127.0.0.1:5000/acme/blog:1");
  CHECK(scene.sleep() >= 20s);
}

TEST_CASE("a registry that wants to be left alone is") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: digest");
  scene.take(scene.ask_one(), {429, "", "", {{"retry-after", "900"}}});
  CHECK(scene.sleep() == 900s);
}

TEST_CASE("each registry is asked for one app at a time") {
  Scene scene;
  for (const char* name : {"a", "b"}) scene.want(name, "r.org/x:1", "track: digest");
  scene.want("c", "other.org/x:1", "track: digest");
  const auto first = scene.ask();
  REQUIRE(first.size() == 2);
  CHECK(scene.ask().empty());
  CHECK(scene.updates.due() == Duration::max());
  for (const auto& question : first) scene.head(question.ticket, 'a');
  CHECK(scene.updates.due() <= scene.now.steady);
  scene.head(scene.ask_one(), 'b');
  CHECK(scene.idle());
  CHECK(scene.updates.image("a") == "r.org/x:1@" + digest('a'));
  CHECK(scene.updates.image("b") == "r.org/x:1@" + digest('b'));
}

TEST_CASE("where a registry is down nobody waits for the own turn to be decided") {
  Scene scene;
  for (const char* name : {"a", "b"}) scene.want(name, "r.org/x:1", "track: digest");
  scene.want("c", "other.org/x:1", "track: digest");
  const auto first = scene.ask();
  CHECK(joined(scene.down(first[1].ticket).resolve) == "a b");
  CHECK(scene.updates.undecided("c"));
}

TEST_CASE("an answer to a question that nobody has any more only frees the registry") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: digest");
  const std::uint64_t gone = scene.ask_one();
  scene.want("a", "r.org/a:2", "track: digest");
  CHECK(scene.ask().empty());
  CHECK(scene.head(gone, 'a').resolve.empty());
  CHECK(scene.updates.undecided("a"));
  const std::uint64_t removed = scene.ask_one();
  scene.updates.forget("a");
  CHECK(scene.head(removed, 'b').resolve.empty());
  CHECK(scene.updates.image("a").empty());
  CHECK(scene.idle());
}

TEST_CASE("a daemon that starts again with the registry down stays on what it chose") {
  Scene before;
  before.want("a", "r.org/a:1", "track: numeric");
  before.numbers(R"(["1"])", 'a');
  before.updates.passed("a", before.updates.image("a"));
  before.sleep();
  before.numbers(R"(["2"])", 'b');
  before.updates.failed("a", before.updates.image("a"), "x");
  before.sleep();
  before.numbers(R"(["3"])", 'c');
  const std::string saved = before.updates.encode("a");

  Scene scene;
  scene.updates.restore("a", saved);
  CHECK(scene.want("a", "r.org/a:1", "track: numeric") == "r.org/a:3@" + digest('c'));
  CHECK_FALSE(scene.updates.undecided("a"));
  CHECK(scene.updates.encode("a") == saved);
  scene.down(scene.ask_one());
  CHECK(scene.updates.image("a") == "r.org/a:3@" + digest('c'));
  scene.updates.failed("a", scene.updates.image("a"), "y");
  CHECK(scene.updates.image("a") == "r.org/a:1@" + digest('a'));

  Scene other;
  other.updates.restore("a", saved);
  CHECK(other.want("a", "r.org/a:2", "track: numeric") == "r.org/a:2");
  CHECK(other.updates.undecided("a"));
}

TEST_CASE("a saved state that is broken or strange is as none") {
  for (const char* text :
       {"", "{", "[]", R"({"schema":2,"image":"r.org/a:1","track":"numeric"})",
        R"({"schema":1,"image":"r.org/a:1","track":"numeric","good":{"tag":"1 x","digest":"y"}})",
        R"({"schema":1,"image":"A B","track":"numeric"})"}) {
    CAPTURE(text);
    Scene scene;
    scene.updates.restore("a", text);
    CHECK(scene.want("a", "r.org/a:1", "track: numeric") == "r.org/a:1");
    CHECK(scene.updates.undecided("a"));
    CHECK(scene.ask().size() == 1);
  }
}

TEST_CASE("a person who asks gets the tags, of an app that follows nothing as well") {
  Scene scene;
  scene.want("a", "r.org/a:v1.2.0", "");
  scene.updates.ask("a", scene.now);
  CHECK(scene.updates.asking("a"));
  scene.tags(scene.ask_one(), R"(["v1.2.0","v1.10.0","v1.9.0","latest"])");
  CHECK_FALSE(scene.updates.asking("a"));
  CHECK(scene.updates.images("a", scene.report(), scene.now)["tags"].dump() ==
        R"([{"tag":"v1.10.0","state":"newer"},{"tag":"v1.9.0","state":"newer"},)"
        R"({"tag":"v1.2.0","state":"runs"},{"tag":"latest","state":""}])");
  CHECK(scene.updates.image("a") == "r.org/a:v1.2.0");
  CHECK(scene.idle());
  scene.updates.ask("nobody", scene.now);
  CHECK(scene.idle());
}

TEST_CASE("who asks while a question without tags is out gets them from the next") {
  Scene scene;
  scene.want("a", "r.org/a:1", "track: digest");
  const std::uint64_t ticket = scene.ask_one();
  scene.updates.ask("a", scene.now);
  scene.head(ticket, 'a');
  CHECK(scene.updates.asking("a"));
  scene.tags(scene.ask_one(), R"(["1","2"])");
  scene.head(scene.ask_one(), 'a');
  CHECK_FALSE(scene.updates.asking("a"));
  CHECK(scene.state("a", "1") == "runs");
  CHECK(scene.state("a", "2") == "newer");
}

TEST_CASE("images tell what runs, what was before, what is beyond the range and what is wrong") {
  Scene scene;
  scene.want("a", "r.org/a:1.0.0", "track: semver <2");
  scene.numbers(R"(["1.0.0"])", 'a');
  scene.updates.passed("a", scene.updates.image("a"));
  scene.sleep();
  scene.numbers(R"(["1.0.0","1.1.0","2.0.0"])", 'b');
  CHECK(scene.state("a", "1.1.0") == "runs");
  CHECK(scene.state("a", "1.0.0") == "before");
  CHECK(scene.state("a", "2.0.0") == "newer, outside the range");
  const Json rolling = scene.updates.images("a", scene.report("web=0"), scene.now);
  CHECK(rolling["tags"].items().at(1)["state"] == Json("wanted"));
  CHECK(rolling["uses"] == Json("r.org/a:1.1.0@" + digest('b')));
  CHECK(rolling["track"] == Json("semver <2"));
  CHECK(rolling["asked_seconds_ago"] == Json(0));
  scene.sleep();
  scene.down(scene.ask_one());
  CHECK(scene.updates.images("a", scene.report(), scene.now)["error"].as_string().find("reached") !=
        std::string::npos);
  CHECK(scene.updates.images("nobody", scene.report(), scene.now).is_null());
}
