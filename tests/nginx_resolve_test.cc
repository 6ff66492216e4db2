#include <doctest/doctest.h>

#include "tests/nginx_scene.h"

namespace fairlead::nginx {
namespace {

using testing::Scene;

const std::string one = "name: blog\nimage: a\nexpose: [{port: 80}]\n";
const std::string line = "ann:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n";

std::string app(const std::string& expose) { return "name: blog\nimage: a\nexpose:\n" + expose; }

// A real certificate, whose key and chain are in one file.
void add_certificate(Scene& scene, const std::string& host) {
  const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
  const std::string pem =
      sign(keys, *self_signed(keys, {host}, std::chrono::seconds(1'750'000'000))).reveal();
  scene.certificates[host + ".crt"] = Secret(pem);
  scene.certificates[host + ".key"] = Secret(pem);
}

// "80 / a.org b.org" for each route.
std::vector<std::string> routes(const Scene& scene) {
  std::vector<std::string> texts;
  for (const Route& route : scene.spec().routes) {
    std::string text = std::to_string(route.expose.port) + " " + route.expose.path;
    for (const std::string& host : route.hosts) text += " " + host;
    texts.push_back(text);
  }
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("an app has the hosts that it says, or the one of its name") {
  CHECK(routes(Scene(one)) == Texts{"80 / blog.localhost"});
  CHECK(routes(Scene(one, "domain: example.org\n")) == Texts{"80 / blog.example.org"});
  CHECK(routes(Scene(app("- {port: 80, domains: [b.org, a.org]}\n- {port: 81, path: /x}\n"))) ==
        Texts{"80 / a.org b.org", "81 /x blog.localhost"});
}

TEST_CASE("of entries for one host and path the first one has it") {
  CHECK(routes(Scene(app("- {port: 80}\n- {port: 81}\n- {port: 82, path: /x}\n"
                         "- {port: 83, path: /x}\n"))) ==
        Texts{"80 / blog.localhost", "82 /x blog.localhost"});
  CHECK(routes(Scene(app("- {port: 80, domains: [blog.localhost, a.org]}\n- {port: 81}\n"))) ==
        Texts{"80 / a.org blog.localhost"});
  CHECK(routes(Scene(app("- {proto: tcp, port: 80}\n- {port: 81}\n"))) ==
        Texts{"81 / blog.localhost"});
}

TEST_CASE("hosts that are another app's are left out, with why") {
  Scene scene(
      app("- {port: 80, domains: [a.org, b.org]}\n- {port: 81, domains: [a.org], path: /x}\n"));
  scene.lost = {{"a.org", "the app shop has it"}, {"other.org", "not asked"}};
  CHECK(routes(scene) == Texts{"80 / b.org"});
  CHECK(scene.spec().lost == std::map<std::string, std::string>{{"a.org", "the app shop has it"}});
  CHECK(scene.graph().env.at("APP_URL") == "http://b.org");
  scene.lost["b.org"] = "the app shop has it";
  const Graph graph = scene.graph();
  CHECK(spec_of(&graph)->lost.size() == 2);
  CHECK(graph.services.empty());
  CHECK(graph.env.empty());
}

TEST_CASE("a name that makes no host name is told") {
  const Scene scene("name: blog-\nimage: a\nexpose: [{port: 80}]\n");
  CHECK(routes(scene).empty());
  CHECK(scene.spec().lost ==
        std::map<std::string, std::string>{{"blog-.localhost", "is no host name: say `domains`"}});
}

TEST_CASE("the edge is attached to the network of an app that it leads to, and not waited for") {
  const Graph graph = Scene(one).graph();
  CHECK(graph.services == std::map<std::string, bool>{{"edge", false}});
  REQUIRE(graph.resources.size() == 1);
  CHECK(graph.resources[0].id() == "route blog");
  CHECK(Scene(one, "edge: {mode: host}\n").graph().services.empty());
  CHECK(Scene(one, "edge: {mode: host}\n").graph().resources.size() == 1);
  CHECK(Scene("name: blog\nimage: a\nsuspend: true\nexpose: [{port: 80}]\n").spec().suspended);
}

TEST_CASE("without an edge, or without anything exposed, nothing is added") {
  Scene scene(one);
  scene.edge = false;
  for (const Graph& graph :
       {scene.graph(), Scene(one, "edge: {mode: none}\n").graph(),
        Scene("name: blog\nimage: a\n").graph(), Scene(app("- {proto: tcp, port: 1}\n")).graph()}) {
    CHECK(graph.resources.empty());
    CHECK(graph.env.empty());
    CHECK(graph.services.empty());
    CHECK(spec_of(&graph) == nullptr);
  }
  CHECK(spec_of(nullptr) == nullptr);
}

TEST_CASE("the edge's own app has its folder and its ports, and no route") {
  const std::string edge = "name: edge\nimage: nginx\nexpose: [{port: 80}]\n";
  Scene scene(edge, "edge: {address: 10.0.0.1, http_port: 8080, https_port: 8443}\n");
  scene.edge = false;
  const Graph graph = scene.graph();
  REQUIRE(graph.resources.size() == 1);
  CHECK(graph.resources[0].id() == "generation edge");
  CHECK(spec_of(&graph) == nullptr);
  CHECK(graph.services.empty());
  REQUIRE(graph.mounts.size() == 1);
  CHECK(graph.mounts[0].host == "/var/lib/fairlead/edge");
  CHECK(graph.mounts[0].path == "/etc/nginx/fairlead");
  CHECK(graph.mounts[0].read_only);
  REQUIRE(graph.publishes.size() == 2);
  CHECK(graph.publishes[0].port == 80);
  CHECK(graph.publishes[0].publish == Publish{"10.0.0.1", 8080});
  CHECK(graph.publishes[1].port == 443);
  CHECK(graph.publishes[1].publish == Publish{"10.0.0.1", 8443});
  const Graph ordinary = Scene(edge, "edge: {mode: host}\n").graph();
  CHECK(ordinary.mounts.empty());
  CHECK(ordinary.resources.size() == 1);
}

TEST_CASE("the edge is published to IPv4 and IPv6, unless one address is said") {
  const auto both = [](const std::string& platform) {
    const Graph graph = Scene("name: edge\nimage: nginx\n", platform).graph();
    return graph.publishes.at(0).publish->both_families;
  };
  CHECK(both(""));
  CHECK(both("edge: {address: \"::\"}\n"));
  CHECK_FALSE(both("edge: {address: 0.0.0.0}\n"));
  CHECK_FALSE(both("edge: {address: 10.0.0.1}\n"));
}

TEST_CASE("an app is told where it is reached") {
  const auto env = [](const Scene& scene) { return scene.graph().env; };
  CHECK(env(Scene(one)) ==
        std::map<std::string, std::string>{{"APP_URL", "http://blog.localhost"}});
  CHECK(env(Scene(one, "edge: {http_port: 8080}\n")).at("APP_URL") == "http://blog.localhost:8080");
  CHECK(env(Scene(app("- {port: 80, path: /x, domains: [\"*.a.org\", b.org]}\n"))).at("APP_URL") ==
        "http://b.org/x");
  CHECK(env(Scene(app("- {port: 80, domains: [\"*.a.org\"]}\n"))).empty());
  CHECK(env(Scene(app("- {port: 80, proto: grpc}\n"))) ==
        std::map<std::string, std::string>{{"APP_URL", "https://blog.localhost"}});
  const std::map<std::string, std::string> secure{{"APP_URL", "https://blog.localhost:8443"},
                                                  {"FORCE_HTTPS", "true"}};
  CHECK(env(Scene(app("- {port: 80, scheme: https}\n"), "edge: {https_port: 8443}\n")) == secure);
  CHECK(env(Scene(one, "edge: {scheme: https, https_port: 8443}\n")) == secure);
  CHECK(env(Scene(app("- {port: 80, scheme: http}\n"), "edge: {scheme: https}\n")) ==
        env(Scene(one)));
}

TEST_CASE(
    "domains whose certificates ACME gets are told https, and names of no public domain not") {
  const std::string acme = "edge: {acme: {email: ann@example.org}}\n";
  const auto url = [&](const std::string& domains) {
    return Scene(app("- {port: 80, domains: [" + domains + "]}\n"), acme).graph().env.at("APP_URL");
  };
  CHECK(url("b.org") == "https://b.org");
  CHECK(url("b.lan, b.org") == "http://b.lan");
  CHECK(Scene(one, acme).graph().env.at("APP_URL") == "http://blog.localhost");
}

TEST_CASE("what files lie in the certificate folder never reaches a container") {
  for (const std::string more : {"", ", scheme: https", ", proto: grpc"}) {
    Scene scene(app("- {port: 80" + more + "}\n"));
    const auto without = scene.graph().env;
    add_certificate(scene, "blog.localhost");
    CHECK(scene.graph().env == without);
    scene.certificates["blog.localhost.key"] = Secret("nonsense");
    CHECK(scene.graph().env == without);
  }
}

TEST_CASE("what earlier versions told an app is known, and once it is kept no file changes it") {
  Scene scene(one);
  CHECK(scene.graph().scheme_by_file == std::nullopt);
  add_certificate(scene, "blog.localhost");
  CHECK(scene.graph().scheme_by_file == Scheme::https);
  scene.kept = Scheme::https;
  const auto kept = scene.graph().env;
  CHECK(kept.at("APP_URL") == "https://blog.localhost");
  CHECK(kept.at("FORCE_HTTPS") == "true");
  scene.certificates.clear();
  CHECK(scene.graph().env == kept);
  Scene said(app("- {port: 80, scheme: http}\n"));
  said.kept = Scheme::https;
  CHECK(said.graph().env.at("APP_URL") == "http://blog.localhost");
  add_certificate(said, "blog.localhost");
  CHECK(said.graph().scheme_by_file == std::nullopt);
}

TEST_CASE("a file that becomes of no use leaves the last good certificate serving, with why") {
  Scene scene(one);
  add_certificate(scene, "blog.localhost");
  const Graph good = scene.graph();
  const CertificatePtr serves = spec_of(&good)->certificates.at("blog.localhost");
  const auto is_kept = [&](const std::string& ending, const std::string& content) {
    Scene renewed = scene;
    renewed.served = good.served;
    renewed.certificates["blog.localhost." + ending] = Secret(content);
    if (content.empty()) renewed.certificates.erase("blog.localhost." + ending);
    const SiteSpec spec = renewed.spec();
    CHECK(spec.certificates.at("blog.localhost")->id == serves->id);
    CHECK(spec.certificates.at("blog.localhost")->source == serves->source);
    CHECK(renewed.graph().served == good.served);
    const std::string why = spec.trouble.at("blog.localhost");
    CHECK(why.find("file blog.localhost.crt: ") == 0);
    CHECK(why.ends_with("; the one before is served until that is mended"));
  };
  is_kept("key", "half of a k");
  is_kept("crt", "half of a certificate");
  is_kept("crt", "");
  const Keys another("0123456789abcdef", Secret(std::string(32, 'x')));
  is_kept("key", sign(another, *self_signed(another, {"a"}, std::chrono::seconds(1))).reveal());
  Scene gone(one);
  gone.served = good.served;
  CHECK(gone.spec().certificates.empty());
  CHECK(gone.graph().served.empty());
  CHECK(gone.spec().trouble.empty());
}

TEST_CASE("a host is served with its certificate file, and self-signed where that is of no use") {
  Scene scene(app("- {port: 80, domains: [a.org, b.org, c.org]}\n"));
  add_certificate(scene, "a.org");
  scene.certificates["b.org.crt"] = Secret("nonsense");
  scene.certificates["b.org.key"] = Secret("nonsense");
  const SiteSpec spec = scene.spec();
  REQUIRE(spec.certificates.size() == 1);
  CHECK(spec.certificates.at("a.org")->names == Texts{"a.org"});
  REQUIRE(spec.trouble.size() == 1);
  CHECK(spec.trouble.at("b.org").find("b.org") != std::string::npos);
  CHECK(routes(scene) == Texts{"80 / a.org b.org c.org"});
}

TEST_CASE("logins come from a file that is there and well-formed") {
  Scene scene(app("- {port: 81}\n- {port: 80, path: /x, auth: team/blog}\n"));
  const auto error = [&] { return scene.resolve().error().text(); };
  CHECK(error() ==
        "blog.yml:5: expose[1].auth: there is no file /etc/fairlead/secrets/team/blog; put it "
        "there, or correct the name");
  scene.secrets["team/blog"] = Secret("ann:hunter2\n");
  CHECK(error().find("blog.yml:5: expose[1].auth: /etc/fairlead/secrets/team/blog: line 1 must be "
                     "USER:HASH") == 0);
  CHECK(error().find("hunter2") == std::string::npos);
  scene.secrets["team/blog"] = Secret("# team\n" + line);
  CHECK(scene.spec().routes.at(0).htpasswd.empty());
  CHECK(scene.spec().routes.at(1).htpasswd.reveal() == line);
}

}  // namespace fairlead::nginx
