#include <doctest/doctest.h>

#include "providers/nginx/acme.h"
#include "providers/nginx/acme_steps.h"
#include "providers/nginx/observe.h"
#include "providers/nginx/seen.h"
#include "providers/nginx/steps.h"

namespace fairlead::nginx {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using Next = Outcome::Next;

const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
const std::string token = keys.digest("acme probe", "").substr(0, 32);
constexpr Duration start = seconds(1'790'000'000);
constexpr hours day{24};

// What is wanted and seen, and what is decided of it.
struct Scene {
  Platform platform;
  Memory memory;
  AcmeSeen seen;
  Instant now{hours(1000), start};
  std::map<std::string, CertificatePtr> hosts;
  Plan plan;
  Report report;

  Scene() { platform.edge.acme.email = "ops@example.org"; }

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
    diff_acme(input, plan, report);
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
    return judge_acme(step(name), answer);
  }
};

const std::string order_of_blog =
    "1. write acme probe: what the names of hosts must lead to\n"
    "2. check acme name blog.example.org after 1: the name must lead here before a CA is asked\n"
    "3. ask acme authority after 2: is https://acme-v02.api.letsencrypt.org/directory there\n"
    "4. record acme order blog.example.org after 3: so that it counts whatever becomes of it\n"
    "5. order acme certificate blog.example.org after 4: there is none by a CA\n"
    "certificate blog.example.org: ordering: there is none by a CA\n";

const std::string refused =
    "[blog.example.org] acme: error: 403 :: urn:ietf:params:acme:error:unauthorized :: Non-200";
const std::string dead =
    "acme: error: 403 :: POST :: https://ca/order :: urn:ietf:params:acme:error:unauthorized :: "
    "Account has been deactivated";

Scene wants_blog() {
  Scene scene;
  scene.hosts["blog.example.org"] = nullptr;
  return scene;
}

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

TEST_CASE("lego is called by argument vector, with nothing secret in it") {
  Scene scene = wants_blog();
  scene.text();
  const Step& order = scene.step("order acme certificate blog.example.org");
  CHECK(order.patient);
  const auto& call = std::get<ProcessCall>(order.request);
  CHECK(call.arguments ==
        std::vector<std::string>{"lego", "--accept-tos", "--email", "ops@example.org", "--server",
                                 "https://acme-v02.api.letsencrypt.org/directory", "--path",
                                 "/var/lib/fairlead/acme", "--domains", "blog.example.org",
                                 "--key-type", "ec256", "--http", "--http.webroot",
                                 "/var/lib/fairlead/edge/challenges", "run"});
  CHECK(call.environment.empty());
  CHECK(call.writes());
  CHECK(call.timeout == minutes(3));
}

TEST_CASE("with DNS-01 no name is checked, and the plugin's secrets come from their file") {
  Scene scene;
  scene.platform.edge.acme.dns = "rfc2136";
  scene.platform.edge.acme.dns_env_file = "/etc/fairlead/dns.env";
  scene.platform.edge.acme.directory = "https://ca.example.org:14000/dir";
  scene.platform.edge.acme.ca_file = "/etc/fairlead/ca.pem";
  scene.hosts["*.example.org"] = nullptr;
  CHECK(scene.text() ==
        "1. ask acme authority: is https://ca.example.org:14000/dir there\n"
        "2. record acme order *.example.org after 1: so that it counts whatever becomes of it\n"
        "3. order acme certificate *.example.org after 2: there is none by a CA\n"
        "certificate *.example.org: ordering: there is none by a CA\n");
  const auto& ask = std::get<HttpCall>(scene.step("ask acme authority").request);
  CHECK(ask.endpoint == "ca.example.org:14000");
  CHECK(ask.path == "/dir");
  CHECK(ask.tls->ca_file == "/etc/fairlead/ca.pem");
  const auto& record = std::get<FileCall>(scene.step("record acme order *.example.org").request);
  CHECK(record.path == "acme/orders/1790000000-_.example.org");
  const auto& call =
      std::get<ProcessCall>(scene.step("order acme certificate *.example.org").request);
  CHECK(call.arguments.at(13) == "rfc2136");
  CHECK(call.environment_file == "/etc/fairlead/dns.env");
  CHECK(call.environment == std::vector<std::pair<std::string, std::string>>{
                                {"LEGO_CA_CERTIFICATES", "/etc/fairlead/ca.pem"}});
}

TEST_CASE("what is put there and what is asked for are the same") {
  Scene scene = wants_blog();
  scene.text();
  const auto& probe = std::get<FileCall>(scene.step("write acme probe").request);
  CHECK(probe.area == FileCall::Area::edge);
  CHECK(probe.path == "challenges/.well-known/acme-challenge/fairlead-" + token);
  CHECK(probe.content.reveal() == token);
  const auto& check = std::get<HttpCall>(scene.step("check acme name blog.example.org").request);
  CHECK(check.endpoint == "blog.example.org:80");
  CHECK("challenges" + check.path == probe.path);
  CHECK_FALSE(check.tls);
}

TEST_CASE("a name counts as ours only where it gives what was put there") {
  Scene scene = wants_blog();
  scene.text();
  const std::string step = "check acme name blog.example.org";
  const std::string url =
      "http://blog.example.org:80/.well-known/acme-challenge/fairlead-" + token + ": ";
  const std::string advice =
      "; the name must lead to this host, and its port 80 to the edge, before a CA is asked";
  CHECK(scene.judged(step, {200, token, ""}).next == Next::done);
  for (const Answer& answer : {Answer{200, "welcome", ""}, Answer{200, "", ""}}) {
    CHECK(scene.judged(step, answer).next == Next::put_off);
    CHECK(scene.judged(step, answer).error.message ==
          url + "gave something else than what was put there" + advice);
  }
  CHECK(scene.judged(step, {404, "", ""}).error.message == url + "answered 404" + advice);
  CHECK(scene.judged(step, {301, token, ""}).error.message == url + "answered 301" + advice);
  CHECK(scene.judged(step, {0, "", "timed out"}).error.message ==
        url + "no answer (timed out)" + advice);
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

TEST_CASE("a refused challenge is no dead account") {
  CHECK_FALSE(account_is_dead(refused));
  CHECK(account_is_dead(dead));
  CHECK(
      account_is_dead("acme: error: 400 :: POST :: https://ca/order-plz :: "
                      "urn:ietf:params:acme:error:accountDoesNotExist :: Account x not found."));
  CHECK_FALSE(
      account_is_dead("acme: error: 403 :: POST :: https://ca/order :: "
                      "urn:ietf:params:acme:error:unauthorized :: go away"));
}

TEST_CASE("of what lego wrote the reason is told, in one line") {
  Scene scene = wants_blog();
  scene.text();
  const auto why = [&](const Answer& answer) {
    const Outcome outcome = scene.judged("order acme certificate blog.example.org", answer);
    CHECK(outcome.next == Next::put_off);
    return outcome.error.message;
  };
  CHECK(why({500,
             "2026/11/22 10:04:30 [INFO] [c.example.org] acme: Trying to solve HTTP-01\n"
             "2026/11/22 10:04:30 Could not obtain certificates:\n"
             "\terror: one or more domains had a problem:\n"
             "[c.example.org] acme: error: 403 :: urn:x :: returned 404\n",
             "exit code 1"}) == "[c.example.org] acme: error: 403 :: urn:x :: returned 404");
  CHECK(why({500, "2026/11/22 10:04:30 Could not create client: connection refused\n\n",
             "exit code 1"}) == "Could not create client: connection refused");
  CHECK(why({500, "", "exit code 1"}) == "exit code 1");
  CHECK(why({0, "half a line", "timed out after 3m"}) == "timed out after 3m");
  CHECK(why({404, "", "no such program"}) ==
        "the program lego is not there: install it on the host (apt-get install lego)");
  CHECK(why({500, "bell\x07 and tab\t" + std::string(1000, 'x'), ""}).size() == 400);
  CHECK(why({500, "bell\x07 tab\t end", ""}) == "bell  tab  end");
  CHECK(scene.judged("order acme certificate blog.example.org", {200, "", ""}).next == Next::done);
}

TEST_CASE("a disk that takes no record takes no order, and harms nobody else") {
  Scene scene = wants_blog();
  scene.text();
  const Outcome full = scene.judged("record acme order blog.example.org", {500, "", "disk full"});
  CHECK(full.next == Next::put_off);
  scene.trouble("record acme order blog.example.org", full.error.message, seconds(0));
  CHECK(scene.text().find("disk full; next try in 10s") != std::string::npos);
}

TEST_CASE("records are read from the names of their files") {
  CHECK(list_attempts().act == FileCall::Act::list);
  CHECK(list_attempts().path == "acme/orders");
  CHECK(decode_attempts({404, "", ""})->attempts.empty());
  CHECK(decode_attempts({500, "", "no"}).error().code == Code::unavailable);
  CHECK(decode_attempts({200, "{", ""}).error().code == Code::unavailable);
  const auto seen = decode_attempts(
      {200,
       R"(["acme/orders/1790000200-_.example.org", "acme/orders/1790000100-a-b.example.org",
           "acme/orders/x", "acme/orders/-a.example.org", "acme/orders/99999999999999-a.example",
           "acme/orders/12"])",
       ""});
  REQUIRE(seen.ok());
  REQUIRE(seen->attempts.size() == 2);
  CHECK(seen->attempts[0].host == "a-b.example.org");
  CHECK(seen->attempts[0].at == seconds(1'790'000'100));
  CHECK(seen->attempts[0].path == "acme/orders/1790000100-a-b.example.org");
  CHECK(seen->attempts[1].host == "*.example.org");
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

TEST_CASE("only lego as it is planned may be run for an order") {
  Scene scene = wants_blog();
  scene.text();
  const auto made =
      std::get<ProcessCall>(scene.step("order acme certificate blog.example.org").request);
  CHECK(is_order(made, scene.platform));
  ProcessCall other = made;
  other.arguments.at(0) = "rm";
  CHECK_FALSE(is_order(other, scene.platform));
  other = made;
  other.arguments.at(9) = "nas.local";
  CHECK_FALSE(is_order(other, scene.platform));
  other = made;
  other.arguments.push_back("--run-hook=x");
  CHECK_FALSE(is_order(other, scene.platform));
  other = made;
  other.environment.emplace_back("LD_PRELOAD", "x");
  CHECK_FALSE(is_order(other, scene.platform));
  other = made;
  other.container = "0123";
  CHECK_FALSE(is_order(other, scene.platform));
  other = made;
  other.arguments = {"lego", "--domains"};
  CHECK_FALSE(is_order(other, scene.platform));
  scene.platform.edge.acme.email.clear();
  CHECK_FALSE(is_order(made, scene.platform));
}

}  // namespace
}  // namespace fairlead::nginx
