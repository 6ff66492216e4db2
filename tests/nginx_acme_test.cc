#include <doctest/doctest.h>

#include "providers/nginx/acme.h"
#include "providers/nginx/observe.h"
#include "providers/nginx/seen.h"
#include "providers/nginx/steps.h"
#include "tests/acme_scene.h"

namespace fairlead::nginx {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::wants_blog;
using Scene = testing::AcmeScene;
using Next = Outcome::Next;
using testing::day;
using testing::dead;
using testing::refused;
using testing::start;

const std::string order_of_blog =
    "1. write acme probe: what the names of hosts must lead to\n"
    "2. check acme name blog.example.org after 1: the name must lead here before a CA is asked\n"
    "3. ask acme authority after 2: is https://acme-v02.api.letsencrypt.org/directory there\n"
    "4. record acme order blog.example.org after 3: so that it counts whatever becomes of it\n"
    "5. order acme certificate blog.example.org after 4: there is none by a CA\n"
    "certificate blog.example.org: ordering: there is none by a CA\n";

TEST_CASE(
    "a host without a certificate gets one: the name first, then the CA, a record, the order") {
  Scene scene = wants_blog();
  CHECK(scene.text() == order_of_blog);
  CHECK(scene.report.health == HealthState::healthy);
}

TEST_CASE("without an address of the operator nobody is asked for anything") {
  Scene scene = wants_blog();
  scene.platform.edge.acme.email.clear();
  CHECK(scene.text().empty());
}

TEST_CASE("names that no CA knows are left to self-signed certificates") {
  Platform::Edge::Acme http;
  Platform::Edge::Acme dns;
  dns.dns = "cloudflare";
  CHECK(acme_can("blog.example.org", http));
  CHECK(acme_can("xn--bcher-kva.example", http));
  for (const std::string host :
       {"localhost", "blog.localhost", "nas", "nas.local", "nas.lan", "10.0.0.1", "blog.home.arpa",
        "a.test", "", "*", "-x.example.org", "a b.example.org", "blog.example.org/x",
        "Blog.example.org", "*.com", "a.1"}) {
    CAPTURE(host);
    CHECK_FALSE(acme_can(host, http));
  }
  CHECK_FALSE(acme_can("*.example.org", http));
  CHECK(acme_can("*.example.org", dns));
  CHECK_FALSE(acme_can("*.localhost", dns));
  CHECK_FALSE(acme_can("*.*.example.org", dns));
}

TEST_CASE("the operator's own file is never renewed, not even where it has ended") {
  Scene scene;
  scene.certificate("blog.example.org", start - 90 * day, start - 1 * day, false);
  CHECK(scene.text().empty());
  CHECK_FALSE(scene.report.look_again);
}

TEST_CASE("a certificate is renewed when a third of its life is left") {
  Scene scene;
  scene.certificate("blog.example.org", start - 59 * day, start + 31 * day);
  CHECK(scene.text().empty());
  CHECK(scene.report.look_again == scene.now.steady + 1 * day);
  scene.pass(1 * day);
  std::string renewed = order_of_blog;
  for (auto at = renewed.find("there is none by a CA"); at != std::string::npos;
       at = renewed.find("there is none by a CA")) {
    renewed.replace(at, 21, "it ends in 30 days");
  }
  CHECK(scene.text() == renewed);
  scene.pass(31 * day);
  CHECK(scene.text().find("it has ended") != std::string::npos);
}

TEST_CASE("what serves nobody any more goes first, then what has none, then what ends first") {
  Scene scene;
  scene.certificate("later.example.org", start - 80 * day, start + 10 * day);
  scene.certificate("sooner.example.org", start - 81 * day, start + 9 * day);
  scene.certificate("ended.example.org", start - 90 * day, start);
  scene.hosts["new.example.org"] = nullptr;
  const std::string text = scene.text();
  CHECK(text.substr(text.find("certificate ended.example.org: ordering")) ==
        "certificate ended.example.org: ordering: it has ended\n"
        "certificate new.example.org: waiting: after ended.example.org\n"
        "certificate sooner.example.org: waiting: after ended.example.org\n"
        "certificate later.example.org: waiting: after ended.example.org\n");
  CHECK(scene.plan.steps().size() == 5);
}

TEST_CASE("a name that does not lead here costs no order, and is asked again with growing pauses") {
  Scene scene = wants_blog();
  scene.hosts["wiki.example.org"] = nullptr;
  scene.trouble("check acme name blog.example.org", "answered 404", seconds(3));
  const std::string text = scene.text();
  CHECK(text.find("5. order acme certificate wiki.example.org") != std::string::npos);
  CHECK(text.find("certificate blog.example.org: waiting: there is none by a CA; answered 404; "
                  "next try in 7s\n") != std::string::npos);
  CHECK(scene.report.look_again == scene.now.steady + seconds(7));
  scene.trouble("check acme name blog.example.org", "answered 404", minutes(10), 7);
  CHECK(scene.text().find("next try in 40s") != std::string::npos);
  scene.trouble("check acme name blog.example.org", "answered 404", hours(0), 1000);
  CHECK(scene.text().find("next try in 1h") != std::string::npos);
  scene.pass(hours(1));
  CHECK(scene.text().find("5. order acme certificate blog.example.org") != std::string::npos);
}

TEST_CASE("a CA that is away costs no order, and holds up all hosts") {
  Scene scene = wants_blog();
  scene.text();
  const Outcome away = scene.judged("ask acme authority", {0, "", "connection refused"});
  CHECK(away.next == Next::put_off);
  CHECK(away.error.message == "the CA: no answer (connection refused)");
  CHECK(scene.judged("ask acme authority", {503, "", ""}).error.message == "the CA: answered 503");
  scene.trouble("ask acme authority", away.error.message, seconds(0), 3);
  CHECK(scene.text() ==
        "certificate blog.example.org: waiting: there is none by a CA; the CA: no answer "
        "(connection refused); next try in 40s\n");
  CHECK(scene.report.health == HealthState::healthy);
  CHECK(scene.report.sync == SyncState::synced);
  CHECK(scene.report.message.find("connection refused") != std::string::npos);
}

TEST_CASE("while an order is under way no other goes out, not even after a restart") {
  Scene scene = wants_blog();
  scene.hosts["wiki.example.org"] = nullptr;
  scene.attempt("blog.example.org", minutes(2));
  const std::string under_way =
      "certificate blog.example.org: being ordered: there is none by a CA\n"
      "certificate wiki.example.org: waiting: there is none by a CA; the order of "
      "blog.example.org is under way; next try in 2m\n";
  CHECK(scene.text() == under_way);
  scene.counted("acme recorded blog.example.org", minutes(2));
  CHECK(scene.text() == under_way);
  scene.trouble("order acme certificate blog.example.org", refused, minutes(90));
  CHECK(scene.text() == under_way);
  scene.trouble("order acme certificate blog.example.org", refused, minutes(1));
  CHECK(scene.text().find("5. order acme certificate wiki.example.org") != std::string::npos);
}

TEST_CASE("an order is over when it succeeded, when its certificate is there, or when time is up") {
  for (const int how : {1, 2, 3}) {
    CAPTURE(how);
    Scene scene = wants_blog();
    scene.hosts["wiki.example.org"] = nullptr;
    scene.attempt("blog.example.org", minutes(2));
    scene.counted("acme recorded blog.example.org", minutes(2));
    if (how == 1) scene.counted("acme ordered blog.example.org", minutes(1));
    if (how == 2) scene.certificate("blog.example.org", start, start + 90 * day);
    if (how == 3) scene.pass(minutes(2));
    CHECK(scene.text().find("5. order acme certificate wiki.example.org") != std::string::npos);
  }
}

TEST_CASE("after orders in vain pauses grow by hours, and after five there is none for the week") {
  Scene scene = wants_blog();
  scene.trouble("order acme certificate blog.example.org", refused, seconds(0));
  const auto next_try = [&] {
    const std::string text = scene.text();
    CHECK(scene.plan.empty());
    return text.substr(std::min(text.size(), text.find("next try")));
  };
  scene.attempt("blog.example.org", minutes(6));
  CHECK(next_try() == "next try in 54m\n");
  CHECK(scene.report.look_again == scene.now.steady + minutes(54));
  scene.pass(minutes(54));
  CHECK(scene.text() == order_of_blog);
  for (const char* pause : {"4h", "12h", "24h"}) {
    scene.attempt("blog.example.org", minutes(0));
    scene.trouble("order acme certificate blog.example.org", refused, seconds(0));
    scene.counted("acme recorded blog.example.org", seconds(0));
    CHECK(next_try() == "next try in " + std::string(pause) + "\n");
    scene.pass(*scene.report.look_again - scene.now.steady);
    CHECK(scene.text() == order_of_blog);
  }
  scene.attempt("blog.example.org", minutes(0));
  scene.pass(hours(24));
  CHECK(scene.text().find("5 orders within a week were in vain; next try in 4 days") !=
        std::string::npos);
  scene.pass(5 * day);
  CHECK(scene.text().find("5. order acme certificate") != std::string::npos);
}

TEST_CASE(
    "of one host's failures another knows nothing, but the budget of the week is everybody's") {
  Scene scene = wants_blog();
  scene.platform.edge.acme.orders_per_week = 3;
  scene.attempt("a.example.org", 6 * day);
  scene.attempt("b.example.org", 5 * day);
  CHECK(scene.text() == order_of_blog);
  scene.attempt("c.example.org", hours(1));
  CHECK(scene.text() ==
        "certificate blog.example.org: waiting: there is none by a CA; 3 orders went out within a "
        "week, which is all that edge.acme.orders_per_week allows; next try in 24h\n");
  scene.platform.edge.acme.orders_per_week = 0;
  CHECK(scene.text().find("the platform file allows no orders") != std::string::npos);
}

TEST_CASE("what a restart forgets is only the reason: the record alone holds the next order back") {
  Scene scene = wants_blog();
  scene.attempt("blog.example.org", minutes(30));
  CHECK(scene.text() ==
        "certificate blog.example.org: waiting: there is none by a CA; the last order brought no "
        "certificate; next try in 30m\n");
}

TEST_CASE("records too old to count are removed, and so are those of a clock that was wrong") {
  Scene scene = wants_blog();
  scene.attempt("blog.example.org", 9 * day);
  scene.attempt("blog.example.org", -400 * day);
  const std::string text = scene.text();
  CHECK(text.find("6. remove acme acme/orders/1789222400-blog.example.org: too old to count\n"
                  "7. remove acme acme/orders/1824560000-blog.example.org: too old to count\n") !=
        std::string::npos);
  CHECK(scene.judged("remove acme acme/orders/1789222400-blog.example.org", {404, "", ""}).next ==
        Next::done);
}

TEST_CASE("an account that the CA has ended is removed once, and a new one orders at once") {
  Scene scene = wants_blog();
  scene.attempt("blog.example.org", minutes(1));
  scene.counted("acme recorded blog.example.org", minutes(1));
  scene.trouble("order acme certificate blog.example.org", dead, seconds(30));
  CHECK(scene.text() ==
        "1. write acme probe: what the names of hosts must lead to\n"
        "2. check acme name blog.example.org after 1: the name must lead here before a CA is "
        "asked\n"
        "3. ask acme authority after 2: is https://acme-v02.api.letsencrypt.org/directory there\n"
        "4. remove acme account after 3: the CA does not know it, or no longer; another is made\n"
        "5. record acme order blog.example.org after 4: so that it counts whatever becomes of it\n"
        "6. order acme certificate blog.example.org after 5: there is none by a CA\n"
        "certificate blog.example.org: ordering: there is none by a CA\n");
  const auto& removal = std::get<FileCall>(scene.step("remove acme account").request);
  CHECK(removal.act == FileCall::Act::remove);
  CHECK(removal.path == "acme/accounts");
  CHECK(scene.step("remove acme account").count_as == "acme account removed");
  scene.counted("acme account removed", seconds(10));
  CHECK(scene.text() == order_of_blog);  // the order did not go out after all
  scene.trouble("order acme certificate blog.example.org", dead, seconds(5));
  CHECK(scene.text().find("next try in 59m") != std::string::npos);
  CHECK(scene.plan.empty());
  scene.pass(2 * day);
  CHECK(scene.text().find("4. remove acme account") != std::string::npos);
}

TEST_CASE("a disk that takes no record takes no order, and harms nobody else") {
  Scene scene = wants_blog();
  scene.text();
  const Outcome full = scene.judged("record acme order blog.example.org", {500, "", "disk full"});
  CHECK(full.next == Next::put_off);
  scene.trouble("record acme order blog.example.org", full.error.message, seconds(0));
  CHECK(scene.text().find("disk full; next try in 10s") != std::string::npos);
}

TEST_CASE("orders are looked for each time, also when nginx is only asked for its generation") {
  Scene scene = wants_blog();
  scene.counted(all_reloads, seconds(0));
  SeenEdge before;
  before.current = "1f";
  before.live = "2e";
  Scope scope;
  scope.app = edge_app;
  scope.before = &before;
  scope.platform = &scene.platform;
  scope.memory = &scene.memory;
  scope.now = scene.now;
  const std::vector<Call> calls = observe_edge(scope)->next();
  REQUIRE(calls.size() == 1);
  CHECK(std::get<FileCall>(calls.front()).path == "acme/orders");
}

}  // namespace
}  // namespace fairlead::nginx
