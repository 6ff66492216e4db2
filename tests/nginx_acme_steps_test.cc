#include <doctest/doctest.h>

#include "providers/nginx/acme_steps.h"
#include "tests/acme_scene.h"

namespace fairlead::nginx {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::wants_blog;
using Scene = testing::AcmeScene;
using Next = Outcome::Next;
using testing::dead;
using testing::refused;
using testing::token;

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
