#include <doctest/doctest.h>

#include "providers/nginx/seen.h"
#include "providers/nginx/steps.h"

using namespace fairlead;
using namespace fairlead::nginx;

namespace {

using Next = Outcome::Next;

const Platform managed;
const Place edge{"10.213.0.2", std::string(64, 'a')};

Platform on_host() {
  Platform platform;
  platform.edge.mode = Platform::Edge::Mode::host;
  return platform;
}

Outcome tested(int status, const std::string& body) {
  return judge_step(nginx::test(managed, edge, "1f2e"), {status, body, ""});
}

std::string refused(const std::string& where) {
  return "2026/11/22 10:22:09 [emerg] 31#32: host not found in upstream \"x\" in "
         "/etc/nginx/fairlead/" +
         where +
         ":3\nnginx: configuration file /etc/nginx/fairlead/generation.1f2e.conf test failed\n";
}

bool allowed(const Step& step, const Platform& platform) {
  return check_policy(step.call(), platform).ok();
}

Call run(const std::string& container, const std::vector<std::string>& words) {
  ProcessCall call;
  call.container = container;
  call.arguments = words;
  return call;
}

Call post(const std::string& path) {
  HttpCall call;
  call.method = "POST";
  call.path = path;
  return call;
}

}  // namespace

TEST_CASE("a site that the test names is noted, and all is looked at again") {
  const Outcome outcome = tested(500, refused("sites/blog.3f9c2a1b.conf"));
  CHECK(outcome.next == Next::look_again);
  REQUIRE(outcome.notes.count("rejected blog.3f9c2a1b") == 1);
  CHECK(outcome.notes.at("rejected blog.3f9c2a1b") ==
        "nginx refuses it: host not found in upstream \"x\" in "
        "/etc/nginx/fairlead/sites/blog.3f9c2a1b.conf:3");
  CHECK(tested(500, "nginx: [emerg] bad in /etc/nginx/fairlead/sites/blog.1.conf:3\n")
            .notes.count("rejected blog.1") == 1);
}

TEST_CASE("of a certificate nginx says no site: the file is noted") {
  const Outcome outcome = tested(
      500,
      "nginx: [emerg] cannot load certificate \"/etc/nginx/fairlead/certificates/1f2e.pem\": "
      "PEM_read_bio_X509_AUX() failed (SSL: error:0480006C:PEM routines::no start line)\n");
  CHECK(outcome.next == Next::look_again);
  CHECK(outcome.notes.count("rejected certificates/1f2e.pem") == 1);
}

TEST_CASE("nginx on the host names sites and certificates by the folder that they have there") {
  const Step step = nginx::test(on_host(), {"127.0.0.1", host_instance}, "1f2e");
  const auto rejected = [&](const std::string& path) {
    const std::string said = "nginx: [emerg] bad in \"" + path + "\" failed\n";
    return judge_step(step, {500, said, ""}).notes;
  };
  CHECK(rejected("/var/lib/fairlead/edge/sites/blog.1f.conf").count("rejected blog.1f") == 1);
  CHECK(rejected("/var/lib/fairlead/edge/certificates/1f.pem")
            .count("rejected certificates/1f.pem") == 1);
  CHECK(rejected("/etc/nginx/fairlead/sites/blog.1f.conf").empty());
}

TEST_CASE("what the test says of no site is a failure and blames nobody") {
  const Outcome outcome = tested(500, refused("generation.1f2e.conf"));
  CHECK(outcome.next == Next::failed);
  CHECK(outcome.notes.empty());
  CHECK(outcome.error.code == Code::invalid);
  CHECK(tested(500, "sites/blog.1.conf is what somebody else says").notes.empty());
  CHECK(tested(0, "").next == Next::failed);
}

TEST_CASE("a test or a reload where the container went is looked at again") {
  for (const int status : {404, 409}) {
    CHECK(tested(status, "").next == Next::look_again);
    CHECK(judge_step(reload(managed, edge, "1f2e"), {status, "", ""}).next == Next::look_again);
  }
  CHECK(tested(200, "").next == Next::done);
}

TEST_CASE("a file that is gone already is removed; one that cannot be written is a failure") {
  CHECK(judge_step(remove_file("sites/a.1.conf"), {404, "", ""}).next == Next::done);
  CHECK(judge_step(write_file("sites/a.1.conf", Secret("x")), {500, "", "disk full"}).next ==
        Next::failed);
  CHECK(judge_step(switch_to("1f2e"), {404, "", ""}).next == Next::failed);
}

TEST_CASE("the policy lets all steps pass, each where it belongs") {
  const Place host{"127.0.0.1", host_instance};
  CHECK(allowed(nginx::test(managed, edge, "1f2e"), managed));
  CHECK(allowed(reload(managed, edge, "1f2e"), managed));
  CHECK(allowed(switch_to("1f2e"), managed));
  CHECK(allowed(write_file("sites/a.1.conf", Secret("x")), managed));
  CHECK(allowed(nginx::test(on_host(), host, "1f2e"), on_host()));
  CHECK(allowed(reload(on_host(), host, "1f2e"), on_host()));
  CHECK_FALSE(allowed(nginx::test(on_host(), host, "1f2e"), managed));
  CHECK_FALSE(allowed(reload(on_host(), host, "1f2e"), managed));
}

TEST_CASE("the policy lets nothing else pass") {
  const std::string id(64, 'a');
  const std::string good = "/etc/nginx/fairlead/generation.1f2e.conf";
  CHECK(check_policy(run(id, {"nginx", "-t", "-q", "-c", good}), managed).ok());
  for (const Call& call :
       {run(id, {"nginx", "-t", "-q", "-c", "/etc/nginx/fairlead/../generation.1f2e.conf"}),
        run(id, {"nginx", "-t", "-q", "-c", "/etc/nginx/fairlead/generation.1f/../2e.conf"}),
        run(id, {"nginx", "-t", "-q", "-c", "/etc/nginx/fairlead/generation..conf"}),
        run(id, {"nginx", "-t", "-q", "-c", good, "-g"}),
        run(id, {"nginx", "-s", "stop", "-c", good}), run(id, {"sh", "-t", "-q", "-c", good}),
        run("edge", {"nginx", "-t", "-q", "-c", good}), run("", {"nginx", "-s", "reload"}),
        post("/containers/" + id + "/kill?signal=KILL"), post("/containers/" + id + "/kill"),
        post("/containers/edge/kill?signal=HUP"),
        post("/containers/" + id + "/stop?x=/kill?signal=HUP")}) {
    CHECK_FALSE(check_policy(call, managed).ok());
  }
  FileCall file;
  file.path = "current.conf";
  CHECK_FALSE(check_policy(file, managed).ok());
}

TEST_CASE("keys are nobody else's to read, all else is nginx's") {
  const auto mode = [](const std::string& path) {
    return std::get<FileCall>(write_file(path, Secret("x")).request).mode;
  };
  CHECK(mode("certificates/1f2e.pem") == 0600);
  CHECK(mode("passwords/1f2e") == 0644);
  CHECK(mode("sites/a.1.conf") == 0644);
}
