#include <doctest/doctest.h>

#include "tests/live/edge_host.h"

// What manifests say of a route, asked of a real nginx; and routes that do not come to be.
namespace fairlead::testing {
namespace {

// "user:geheim" by SHA-512 crypt, and in a request.
constexpr char password_line[] =
    "user:$6$abcdefgh$msgktWxVAbjjh3X7lA5LaM7dS/"
    "ZfABJL6T4qcRsnjcOTj0kptUvZcrvrXIoO5fgPA9xz6UnF2To2Y7"
    "jGc/IZY/\n";
constexpr char credentials[] = "Basic dXNlcjpnZWhlaW0=";

WebRequest with(WebRequest request, const std::string& name, const std::string& value) {
  request.headers.emplace_back(name, value);
  return request;
}

WebRequest posting(WebRequest request, std::size_t bytes) {
  request.method = "POST";
  request.body = std::string(bytes, 'x');
  return request;
}

TEST_CASE("basic auth, allow lists and body limits hold for their route alone") {
  EdgeHost edge;
  const std::string open = edge.host().name("open");
  const std::string shut = edge.host().name("shut");
  const std::string none = edge.host().name("none");
  edge.secret("shut.htpasswd", password_line);
  edge.deploy(open, 1);
  edge.host().put("none.yml", edge.manifest(none, 1, "allow: [192.0.2.7]"));
  edge.host().put("shut.yml", edge.manifest(shut, 1, "auth: shut.htpasswd, body_limit: 1M"));
  edge.until_status("the password is asked for", edge.http(shut), 401);
  CHECK(fetch(edge.https(shut)).headers["www-authenticate"].find("Basic realm=") == 0);
  CHECK(fetch(with(edge.https(shut), "Authorization", credentials)).body == "1\n");
  CHECK(fetch(with(edge.http(shut), "Authorization", "Basic dXNlcjpmYWxzY2g=")).status == 401);
  edge.until_status("strangers are turned away", edge.https(none), 403);
  CHECK(fetch(edge.https(open)).ok());

  const WebRequest login = with(edge.http(shut), "Authorization", credentials);
  CHECK(fetch(posting(login, 1'000'000)).body == "1000000\n");
  CHECK(fetch(posting(login, 1'100'000)).status == 413);
  CHECK(fetch(posting(edge.http(open), 10'000'000)).body == "10000000\n");
  CHECK(fetch(posting(edge.http(open), 10'500'000)).status == 413);
}

TEST_CASE(
    "with a certificate by file http is redirected and HSTS is sent, and a new file is taken") {
  EdgeHost edge;
  const std::string app = edge.host().name("cert");
  const std::string name = EdgeHost::name_of(app);
  edge.deploy(app, 1, "hsts: 24h");
  CHECK(fetch(edge.https(app)).headers.count("strict-transport-security") == 0);
  CHECK(fetch(edge.http(app)).status == 200);
  edge.put_certificate(name, 0);
  edge.until_status("http is redirected", edge.http(app, "/a?b=c"), 308);
  CHECK(fetch(edge.http(app, "/a?b=c")).headers["location"] == "https://" + name + ":18443/a?b=c");
  WebConnection over_tls;
  const WebReply reply = over_tls.ask(edge.https(app));
  CHECK(reply.body == "1\n");
  CHECK(reply.headers.at("strict-transport-security") == "max-age=86400");
  CHECK(over_tls.certificate_name() == name);
  CHECK(edge.route(name)["certificate"].as_string() == "file " + name + ".crt");
}

TEST_CASE("a route that nginx rejects is quarantined alone, until its certificate is a good one") {
  EdgeHost edge;
  const std::string good = edge.host().name("good");
  const std::string weak = edge.host().name("weak");
  const std::string late = edge.host().name("late");
  edge.deploy(good, 1);
  edge.put_certificate(EdgeHost::name_of(weak), 512);
  edge.host().put("weak.yml", edge.manifest(weak, 1));
  edge.host().until("it is rejected", [&] {
    return edge.route(EdgeHost::name_of(weak))["state"].as_string() == "rejected";
  });
  CHECK(edge.route(EdgeHost::name_of(weak))["cause"].as_string().find("key too small") !=
        std::string::npos);
  edge.deploy(late, 1);
  edge.deploy(good, 2);
  CHECK(fetch(edge.http(weak)).status == 404);
  edge.put_certificate(EdgeHost::name_of(weak), 0);
  edge.until_serves(weak, 1);
}

TEST_CASE("a host belongs to the app that had it first, and goes over when that app is gone") {
  EdgeHost edge;
  const std::string first = edge.host().name("first");
  const std::string second = edge.host().name("second");
  const std::string shared = "shared.test";
  edge.host().put("z.yml", edge.manifest(first, 1, "domains: [" + shared + "]"));
  WebRequest request = edge.http(first);
  request.host = shared;
  edge.until_status("the first one has it", request, 200);
  edge.host().put("a.yml", edge.manifest(second, 2, "domains: [" + shared + ", own.test]"));
  WebRequest own = request;
  own.host = "own.test";
  edge.until_status("the second one is there", own, 200);
  CHECK(fetch(request).body == "1\n");
  const std::string explained = edge.host().run({"explain", shared}).out;
  CHECK(explained.find(first) != std::string::npos);
  const std::string conflicts = edge.host().status()["conflicts"].dump();
  CHECK(conflicts.find("the app " + first + " has it") != std::string::npos);
  edge.host().drop("z.yml");
  edge.host().until("the second one has it", [&] { return fetch(request).body == "2\n"; });
}

TEST_CASE("forwarded headers are the edge's, whatever the client says") {
  EdgeHost edge;
  const std::string app = edge.host().name("head");
  edge.deploy(app, 1);
  WebRequest request = edge.https(app, "/headers");
  request.headers = {{"X-Forwarded-For", "192.0.2.66"}, {"X-Forwarded-Proto", "gopher"},
                     {"X-Forwarded-Host", "evil.test"}, {"X-Real-IP", "192.0.2.66"},
                     {"Forwarded", "for=192.0.2.66"},   {"Proxy", "http://192.0.2.66/"}};
  const std::string head = fetch(request).body;
  CHECK(head.find("192.0.2.66") == std::string::npos);
  CHECK(head.find("gopher") == std::string::npos);
  CHECK(head.find("evil.test") == std::string::npos);
  CHECK(head.find("Host: " + EdgeHost::name_of(app)) != std::string::npos);
  CHECK(head.find("X-Forwarded-Proto: https\r\n") != std::string::npos);
  request.headers = {
      {"X_Forwarded_For", "192.0.2.66"}, {"X-Real_IP", "192.0.2.66"}, {"api_key", "open sesame"}};
  const std::string twins = fetch(request).body;
  CHECK(twins.find("192.0.2.66") == std::string::npos);
  CHECK(twins.find("api_key: open sesame\r\n") != std::string::npos);
}

TEST_CASE("paths lead to their own apps' ports, wildcards to the names below theirs") {
  EdgeHost edge;
  const std::string app = edge.host().name("path");
  const std::string domains = "domains: [" + EdgeHost::name_of(app) + ", \"*.wild.test\"]";
  edge.host().put("path.yml", edge.manifest(app, 1, domains + ", path: /api"));
  edge.until_status("its path leads to it", edge.http(app, "/api"), 200);
  CHECK(fetch(edge.http(app)).status == 404);
  CHECK(fetch(edge.http(app, "/api/x")).body == "1\n");
  CHECK(fetch(edge.http(app, "/apix")).status == 404);
  WebRequest wild = edge.https(app, "/api");
  wild.host = "any.wild.test";
  CHECK(fetch(wild).body == "1\n");
  wild.host = "wild.test";
  CHECK(fetch(wild).error == "handshake");
}

TEST_CASE("what an app sends bit by bit arrives so, and silence ends after its timeout") {
  EdgeHost edge;
  const std::string app = edge.host().name("bits");
  edge.deploy(app, 1, "buffering: false, timeout: 1s");
  const auto begin = std::chrono::steady_clock::now();
  WebConnection connection;
  WebRequest request = edge.http(app, "/lines/15");
  CHECK(connection.ask(request).body.size() == 15 * 7);
  CHECK(std::chrono::steady_clock::now() - begin > milliseconds(1400));
  CHECK(fetch(edge.http(app, "/slow/400")).status == 200);
  const WebReply late = fetch(edge.http(app, "/slow/3000"));
  CHECK(late.status == 504);
  CHECK(late.headers.count("retry-after") == 0);
}

}  // namespace
}  // namespace fairlead::testing
