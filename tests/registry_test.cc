#include "reconciler/registry.h"

#include <doctest/doctest.h>

#include <functional>
#include <string>
#include <vector>

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

const std::string digest = "sha256:" + std::string(64, 'd');
const char* const bearer =
    "Bearer realm=\"https://auth.example.org/token\",service=\"r.example.org\","
    "scope=\"repository:acme/blog:pull\"";

using Headers = std::map<std::string, std::string>;

Answer answer(int status, const std::string& body = "", const Headers& headers = {}) {
  Answer made;
  made.status = status;
  made.body = body;
  made.headers = headers;
  return made;
}

Answer challenge(const std::string& text) { return answer(401, "", {{"www-authenticate", text}}); }
Answer tags(const std::string& list, const std::string& link = "") {
  return answer(200, R"({"name":"acme/blog","tags":)" + list + "}",
                link.empty() ? Headers{} : Headers{{"link", link}});
}
Answer head() { return answer(200, "", {{"docker-content-digest", digest}}); }

Platform with_login() {
  Platform platform;
  for (const char* host : {"r.example.org", "127.0.0.1:5000"}) {
    platform.registries[host] = {"ann", "/etc/password"};
  }
  return platform;
}

Platform with_token_server(const std::string& host) {
  Platform platform = with_login();
  platform.registries_allowed = {host};
  return platform;
}

// How a call looks from outside: "GET r.example.org:443 tls /v2/… login=ann Authorization: …".
std::string shown(const HttpCall& call) {
  std::string text =
      call.method + " " + call.endpoint + (call.tls ? " tls " : " plain ") + call.path;
  if (call.login) text += " login=" + call.login->user + ":" + call.login->password_file;
  for (const auto& [name, value] : call.headers) {
    if (name == "Authorization") text += " " + value;
  }
  return text;
}

// Asks with these answers in turn; the calls stand in `calls`.
struct Talk {
  Inquiry inquiry;
  std::vector<std::string> calls;

  Talk(const std::string& image, const std::string& track, const std::vector<Answer>& answers,
       const Platform& platform = {}, bool list = false)
      : inquiry(question(image, track, list), platform) {
    for (const Answer& next : answers) {
      const auto call = inquiry.next();
      REQUIRE_MESSAGE(call, "ended before " << next.status << " " << next.body);
      CHECK_FALSE(inquiry.next());
      calls.push_back(shown(*call));
      inquiry.take(next);
    }
    REQUIRE_MESSAGE(inquiry.finished(), "goes on after its last answer");
    CHECK_FALSE(inquiry.next());
  }
  static Inquiry::Question question(const std::string& image, const std::string& track, bool list) {
    Inquiry::Question made;
    made.image = *ImageRef::parse(image);
    made.current = made.image.tag;
    if (!track.empty()) made.track = *Track::parse(track);
    made.list = list;
    return made;
  }
  // "TAG DIGEST" or "CODE: message".
  std::string end() const {
    const auto& result = inquiry.result();
    if (result) return result->tag + " " + result->digest;
    return std::string(code_name(result.error().code)) + ": " + result.error().message;
  }
};

const char* const image = "r.example.org/acme/blog:1";

}  // namespace

TEST_CASE("by digest one HEAD is enough, in the clear only on this machine") {
  const Talk talk(image, "digest", {head()});
  CHECK(talk.calls ==
        std::vector<std::string>{"HEAD r.example.org:443 tls /v2/acme/blog/manifests/1"});
  CHECK(talk.end() == "1 " + digest);
  const Talk local("127.0.0.1:5000/acme/blog:1", "digest", {head()}, with_login());
  CHECK(local.calls[0] == "HEAD 127.0.0.1:5000 plain /v2/acme/blog/manifests/1");
  const Talk hub("nginx", "digest", {head()});
  CHECK(hub.calls[0] == "HEAD registry-1.docker.io:443 tls /v2/library/nginx/manifests/latest");
}

TEST_CASE("the digest is asked for as the engine would pull it, index first") {
  Inquiry inquiry(Talk::question(image, "digest", false), {});
  const auto call = inquiry.next();
  REQUIRE(call);
  REQUIRE(call->headers.size() == 1);
  CHECK(call->headers[0].first == "Accept");
  CHECK(call->headers[0].second.find("application/vnd.oci.image.index.v1+json, ") == 0);
}

TEST_CASE("the newest tag is chosen out of all pages, and its digest asked for") {
  const Talk talk(image, "numeric",
                  {tags(R"(["1","3"])", R"(</v2/acme/blog/tags/list?last=3&n=1000>; rel="next")"),
                   tags(R"(["2","12"])",
                        R"(<https://r.example.org/v2/acme/blog/tags/list?last=12>; rel="next")"),
                   tags(R"(["latest"])"), head()});
  CHECK(talk.calls ==
        std::vector<std::string>{"GET r.example.org:443 tls /v2/acme/blog/tags/list?n=1000",
                                 "GET r.example.org:443 tls /v2/acme/blog/tags/list?last=3&n=1000",
                                 "GET r.example.org:443 tls /v2/acme/blog/tags/list?last=12",
                                 "HEAD r.example.org:443 tls /v2/acme/blog/manifests/12"});
  CHECK(talk.end() == "12 " + digest);
  CHECK(talk.inquiry.result()->tags == std::vector<std::string>{"1", "3", "2", "12", "latest"});
}

TEST_CASE("without anything newer the current tag's digest is found, listed or not") {
  CHECK(Talk(image, "numeric", {tags(R"(["1"])"), head()}).end() == "1 " + digest);
  CHECK(Talk(image, "numeric", {tags("null"), head()}).end() == "1 " + digest);
}

TEST_CASE("without a track only the tags are asked for; by digest they are where wanted") {
  const Talk talk(image, "", {tags(R"(["2"])")});
  CHECK(talk.end() == " ");
  CHECK(talk.inquiry.result()->tags == std::vector<std::string>{"2"});
  CHECK(Talk(image, "digest", {tags(R"(["2"])"), head()}, {}, true).end() == "1 " + digest);
}

TEST_CASE("a list that leads to another place or never ends is not followed for ever") {
  for (const char* link :
       {R"(<https://evil.example.org/v2/x>; rel="next")", R"(</token?x>; rel="next")",
        R"(</v2/a b>; rel="next")", R"(</v2/acme/blog/tags/list>; rel="last")", "<", ""}) {
    CAPTURE(link);
    CHECK(Talk(image, "numeric", {tags(R"(["2"])", link), head()}).end() == "2 " + digest);
  }
  const std::vector<Answer> endless(
      50, tags(R"(["2"])", R"(</v2/acme/blog/tags/list?last=2>; rel="next")"));
  CHECK(Talk(image, "numeric", endless).end().find("unavailable: ") == 0);
}

TEST_CASE("what a registry lists as tags and is none is left out") {
  const Talk talk(image, "semver", {tags(R"(["9.0.0+/../../x", "9.9.9 ", 7, "", "1.0"])"), head()});
  CHECK(talk.inquiry.result()->tags == std::vector<std::string>{"1.0"});
}

TEST_CASE("a token is fetched with the login and then goes along") {
  const Talk talk(image, "numeric",
                  {challenge(bearer), answer(200, R"({"token":"t0k"})"), tags(R"(["2"])"), head()},
                  with_login());
  CHECK(talk.calls == std::vector<std::string>{
                          "GET r.example.org:443 tls /v2/acme/blog/tags/list?n=1000",
                          "GET auth.example.org:443 tls "
                          "/token?service=r.example.org&scope=repository%3Aacme%2Fblog%3Apull "
                          "login=ann:/etc/password",
                          "GET r.example.org:443 tls /v2/acme/blog/tags/list?n=1000 Bearer t0k",
                          "HEAD r.example.org:443 tls /v2/acme/blog/manifests/2 Bearer t0k"});
  CHECK(talk.end() == "2 " + digest);
}

TEST_CASE("without a login an anonymous token is fetched") {
  const Talk talk(image, "digest",
                  {challenge(bearer), answer(200, R"({"access_token":"t"})"), head()});
  CHECK(talk.calls[1].find("login") == std::string::npos);
  CHECK(talk.end() == "1 " + digest);
}

TEST_CASE("a Basic challenge is answered with the login, which is sent only when asked for") {
  const Talk talk("127.0.0.1:5000/acme/blog:1", "digest", {challenge("Basic realm=\"x\""), head()},
                  with_login());
  CHECK(talk.calls ==
        std::vector<std::string>{"HEAD 127.0.0.1:5000 plain /v2/acme/blog/manifests/1",
                                 "HEAD 127.0.0.1:5000 plain /v2/acme/blog/manifests/1 "
                                 "login=ann:/etc/password"});
}

TEST_CASE("logins go nowhere in the clear") {
  for (const char* realm : {"http://auth.example.org/token", "http://127.0.0.1/token", "/token", "",
                            "ftp://a/b", "https://a b/c", "https://a@b/c"}) {
    CAPTURE(realm);
    const std::string text = "Bearer realm=\"" + std::string(realm) + "\"";
    const std::string end = Talk(image, "digest", {challenge(text)}, with_login()).end();
    CHECK(end.find("denied: ") == 0);
    CHECK(end.find("nothing was sent there") != end.npos);
  }
  const Talk local("127.0.0.1:5000/acme/blog:1", "digest",
                   {challenge("Bearer realm=\"http://127.0.0.1:5001/token\""),
                    answer(200, R"({"token":"t"})"), head()},
                   with_token_server("127.0.0.1:5001"));
  CHECK(local.calls[1].find("GET 127.0.0.1:5001 plain /token?service=&scope=") == 0);
}

TEST_CASE("class 8: a registry that is not allowed is not asked, and sends nobody inside") {
  Inquiry refused(Talk::question("169.254.169.254/acme/blog:1", "digest", false), Platform());
  CHECK(refused.finished());
  CHECK_FALSE(refused.next());
  CHECK(refused.result().error().code == Code::denied);
  CHECK(refused.result().error().message.find("nothing was asked") != std::string::npos);
  const std::string delete_all = "Bearer realm=\"http://127.0.0.1:5999/admin/delete?x=1\"";
  const Talk local("127.0.0.1:5000/acme/blog:1", "digest", {challenge(delete_all)}, with_login());
  CHECK(local.end().find("denied: ") == 0);
  CHECK(local.end().find("127.0.0.1:5999 is on this host") != std::string::npos);
  const std::string inside = "Bearer realm=\"https://10.0.0.7/token\"";
  CHECK(Talk(image, "digest", {challenge(inside)}).end().find("denied: ") == 0);
  const std::string elsewhere = "Bearer realm=\"https://auth.other.org/token\"";
  CHECK(Talk(image, "digest", {challenge(elsewhere)}, with_login()).end().find("another's") !=
        std::string::npos);
}

TEST_CASE("class 8: what is not listed is connected to at public addresses alone") {
  const auto public_only = [](const Platform& platform) {
    Inquiry inquiry(Talk::question(image, "digest", false), platform);
    std::string calls;
    for (const Answer& next : {challenge(bearer), answer(200, R"({"token":"t"})"), answer(404)}) {
      const auto call = inquiry.next();
      calls += call->public_only ? "public " : "any ";
      inquiry.take(next);
    }
    return calls;
  };
  CHECK(public_only({}) == "public public public ");
  CHECK(public_only(with_login()) == "any public any ");
  CHECK(public_only(with_token_server("auth.example.org")) == "any any any ");
}

TEST_CASE("what a registry refuses is told with what to do") {
  const auto says = [](const Talk& talk, const std::string& code, const std::string& part) {
    CAPTURE(talk.end());
    CHECK(talk.end().find(code + ": ") == 0);
    CHECK(talk.end().find(part) != std::string::npos);
  };
  const Answer basic = challenge("Basic realm=x");
  const Answer token = answer(200, R"({"token":"t"})");
  says(Talk(image, "digest", {answer(404)}), "not_found", "has no tag 1 of acme/blog");
  says(Talk(image, "numeric", {answer(404, R"({"errors":[{"message":"unknown"}]})")}), "not_found",
       "has no repository acme/blog (HTTP 404: unknown)");
  says(Talk(image, "digest", {basic}), "denied", "does not give acme/blog without a login");
  says(Talk(image, "digest", {basic, basic}, with_login()), "denied", "refuses the login of ann");
  says(Talk(image, "digest", {challenge(bearer), answer(401)}, with_login()), "denied",
       "refuses the login of ann");
  says(Talk(image, "digest", {challenge(bearer), token, challenge(bearer)}), "denied",
       "does not give acme/blog without a login");
  says(Talk(image, "digest", {challenge(bearer), token, answer(403)}, with_login()), "denied",
       "may not read acme/blog");
  says(Talk(image, "digest", {challenge("Negotiate")}), "unavailable", "\"Negotiate\"");
  says(Talk(image, "digest", {challenge("")}), "unavailable", "kind of login");
  says(Talk(image, "digest", {challenge(bearer), answer(200, "{}")}), "unavailable",
       "without a token");
  says(Talk(image, "digest", {answer(200)}), "unavailable", "does not say the digest");
  says(Talk(image, "digest", {answer(503, "<html>")}), "unavailable", "(HTTP 503)");
  says(Talk(image, "numeric", {answer(200, "<html>")}), "unavailable", "list of tags");
  Answer down;
  down.error = "no connection to tcp://r.example.org:443: Connection refused";
  says(Talk(image, "digest", {down}), "unavailable", "cannot be reached: no connection");
  says(Talk(image, "digest", {challenge(bearer), down}), "unavailable",
       "auth.example.org:443, which gives logins for r.example.org, cannot be reached");
}

TEST_CASE("a registry that has had too many requests says when to come back") {
  const Talk talk(image, "digest", {answer(429, "", {{"retry-after", "120"}})});
  CHECK(talk.end().find("too many requests") != std::string::npos);
  CHECK(talk.inquiry.retry_after() == 120s);
  CHECK(Talk(image, "digest", {answer(429, "", {{"retry-after", "-5"}})}).inquiry.retry_after() ==
        0s);
  CHECK(
      Talk(image, "digest", {answer(429, "", {{"retry-after", "99999"}})}).inquiry.retry_after() ==
      1h);
  CHECK(Talk(image, "digest", {answer(429)}).inquiry.retry_after() == 0s);
}

TEST_CASE("challenges are read with quotes, escapes and several schemes") {
  const auto found = parse_challenges(
      R"(Basic realm="a, b=\"c\"", Bearer realm = https://x/t,Service="s", Other)");
  REQUIRE(found.size() == 3);
  CHECK(found.at("basic").at("realm") == "a, b=\"c\"");
  CHECK(found.at("bearer").at("realm") == "https://x/t");
  CHECK(found.at("bearer").at("service") == "s");
  CHECK(found.at("other").empty());
  for (const char* broken :
       {"", ",", "=", "Bearer realm=\"x", "Bearer realm=\"x\\", "=\"", "a=="}) {
    CHECK(parse_challenges(broken).size() <= 1);
  }
}
