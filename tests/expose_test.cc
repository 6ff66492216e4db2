#include "reconciler/expose.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "reconciler/app.h"

using namespace fairlead;
using namespace std::chrono_literals;

namespace {

// The one app of a manifest that must be good.
App good(const std::string& text) {
  const ParsedManifest manifest = parse_manifest("a.yml", text);
  REQUIRE(manifest.errors.empty());
  REQUIRE(manifest.apps.size() == 1);
  return *manifest.apps[0].app;
}

// The errors of "name: a" and "image: a" with `more`, without their place.
std::string refusal(const std::string& more) {
  std::string text;
  for (const Error& error : parse_manifest("a.yml", "name: a\nimage: a\n" + more).errors) {
    text += error.message + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("an entry of expose says how it is to be served") {
  const App app = good(
      "name: a\nimage: a\nexpose:\n- port: 80\n  path: /api/\n  body_limit: 0\n  timeout: 5m\n"
      "  buffering: false\n  gzip: false\n  redirect: false\n  hsts: 8760h\n  auth: a/htpasswd\n"
      "  allow: [192.0.2.7, 10.0.0.0/8, \"fd00::/8\", \"::1\", 0.0.0.0/0]\n- port: 81\n");
  const Expose& said = app.expose.at(0);
  CHECK(said.path == "/api");
  CHECK(said.body_limit == 0);
  CHECK(said.timeout == 5min);
  CHECK_FALSE(said.buffering);
  CHECK_FALSE(said.gzip);
  CHECK(said.redirect == false);
  CHECK(said.hsts == 24h * 365);
  CHECK(said.auth == "a/htpasswd");
  CHECK(said.allow ==
        std::vector<std::string>{"192.0.2.7", "10.0.0.0/8", "fd00::/8", "::1", "0.0.0.0/0"});
  const Expose& silent = app.expose.at(1);
  CHECK(silent.buffering);
  CHECK(silent.gzip);
  CHECK_FALSE(silent.redirect);
  CHECK_FALSE(silent.timeout);
  CHECK(silent.allow.empty());
}

TEST_CASE("host names in other letters than ASCII's become what DNS has for them") {
  const App app = good(
      "name: a\nimage: a\nexpose: [{port: 80, domains: [Müller.example, \"*.bücher.example\"]}]\n"
      "hosts: {straße.example: 10.0.0.9}\n");
  CHECK(app.expose.at(0).domains ==
        std::vector<std::string>{"xn--mller-kva.example", "*.xn--bcher-kva.example"});
  CHECK(app.hosts.begin()->first == "xn--strae-oqa.example");
  CHECK(refusal("expose: [{port: 80, domains: [\"a；b.example\"]}]\n") != "");
}

TEST_CASE("an entry of expose that reaches nobody is a warning, and freezes no app") {
  const auto warnings = [](const std::string& expose, const std::string& name = "a") {
    std::string all;
    const App app = good("name: " + name + "\nimage: a\nexpose: [" + expose + "]\n");
    for (const Error& warning : app.warnings) all += warning.text() + "\n";
    return all;
  };
  CHECK(warnings("{port: 8080}, {port: 9090}") ==
        "a.yml:3: expose[1]: reaches nobody: expose[0] has the app's default host at this path; "
        "say `domains`, another `path` or `publish`\n");
  CHECK(warnings("{proto: tcp, port: 22}") ==
        "a.yml:3: expose[0]: reaches nobody: what speaks tcp is reached by `publish`\n");
  CHECK(warnings("{port: 80}, {port: 81, path: /x}, {port: 82, domains: [b.org]}, "
                 "{port: 83, publish: 83}, {proto: tcp, port: 84, publish: 84}") == "");
  CHECK(warnings("{proto: tcp, port: 3306}", "mariadb") == "");
}

TEST_CASE("an answer's headers have a limit within bounds") {
  CHECK(good("name: a\nimage: a\nexpose: [{port: 80, header_limit: 128K}]\n")
            .expose.at(0)
            .header_limit == 128 << 10);
  CHECK(refusal("expose: [{port: 80, header_limit: 2M}]\n").find("must be 4K..1M, got 2M") !=
        std::string::npos);
}

TEST_CASE("what is rendered for a proxy has a strict grammar") {
  const auto refused = [](const std::string& member) {
    return refusal("expose: [{port: 80, " + member + "}]\n");
  };
  const std::string long_label(64, 'a');
  const std::string long_path = "/" + std::string(1024, 'a');
  for (const std::string& nasty :
       std::vector<std::string>{"a;b",    "a}b",  "a{b",   "a\\nb", "a\\rb", "a$host", "a'b",
                                "a\\\"b", "a#b",  "a\\0b", "a b",   "a\\tb", "a{{b",   "\u00e4;",
                                "a\\\\b", "a%2e", "a,b",   "a|b",   "a`b",   "~a(b",   "a*b"}) {
    CAPTURE(nasty);
    const bool host = nasty == "\u00e4";  // converted
    CHECK((refused("domains: [\"" + nasty + "\"]") == "") == host);
    CHECK((refused("domains: [\"*." + nasty + "\"]") == "") == host);
    CHECK(refused("path: \"/" + nasty + "\"") != "");
    CHECK(refused("allow: [\"" + nasty + "\"]") != "");
    CHECK(refused("allow: [\"10.0.0.1" + nasty + "\"]") != "");
    CHECK(refused("hsts: \"1h" + nasty + "\"") != "");
    CHECK(refused("timeout: \"1s" + nasty + "\"") != "");
    CHECK(refused("body_limit: \"1" + nasty + "\"") != "");
  }
  CHECK(refused("domains: [" + long_label + "]") != "");
  CHECK(refused("path: " + long_path) != "");
  for (const char* path : {"//", "/a//b", "/a/../b", "/..", "/.", "/a/.", "a", "\"\"",
                           "/.well-known/acme-challenge", "/.well-known/acme-challenge/x/"}) {
    CAPTURE(path);
    CHECK(refused(std::string("path: ") + path) != "");
  }
  for (const char* path : {"/", "/a", "/a/b.c_d~e-F", "/.well-known", "/...", "/.a"}) {
    CAPTURE(path);
    CHECK(refused(std::string("path: ") + path) == "");
  }
  for (const char* range : {"10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0/8",
                            "fd00::1/8", "::/129", "all", "unix:", "10.0.0.0/8/8", "10.0.0.0/-1"}) {
    CAPTURE(range);
    CHECK(refused(std::string("allow: [\"") + range + "\"]") != "");
  }
  CHECK(refused("auth: ../secret").find("auth: must be a path below") != std::string::npos);
  CHECK(refused("auth: /etc/shadow") != "");
  CHECK(refused("timeout: 999ms").find("must be 1s..24h") != std::string::npos);
  CHECK(refused("hsts: 87601h").find("must be at most 87600h") != std::string::npos);
  CHECK(refused("hsts: 87600h") == "");
}

TEST_CASE("what speaks tcp is published, not routed") {
  for (const char* member :
       {"domains: [a.org]", "path: /a", "body_limit: 1M", "timeout: 1s", "buffering: true",
        "gzip: true", "redirect: true", "hsts: 1h", "auth: a", "allow: [10.0.0.1]"}) {
    CAPTURE(member);
    CHECK(refusal(std::string("expose: [{proto: tcp, port: 80, ") + member + "}]\n")
              .find(": is for http, https and grpc: what speaks tcp is reached by `publish`") !=
          std::string::npos);
  }
}
