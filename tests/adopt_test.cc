#include "reconciler/adopt.h"

#include <doctest/doctest.h>

#include "reconciler/app.h"

using namespace fairlead;

namespace {

ImageFacts facts_of(const std::string& inspect) {
  const Result<Json> json = Json::parse(inspect);
  REQUIRE(json.ok());
  return image_facts(*json);
}

// What is printed must be a manifest, whatever the image holds, and say nothing but name and image.
std::string adopted(const std::string& image, const ImageFacts& facts,
                    const std::optional<ImageText>& source = std::nullopt) {
  std::string text = adoption(image, facts, source);
  const ParsedManifest manifest = parse_manifest("adopted.yml", text);
  for (const Error& error : manifest.errors) FAIL_CHECK(error.text());
  REQUIRE(manifest.apps.size() == 1);
  REQUIRE(manifest.apps[0].app);
  CHECK(manifest.apps[0].app->image == image);
  CHECK(manifest.apps[0].app->document->value.members().size() == 2);
  return text;
}

}  // namespace

TEST_CASE("an image with a manifest is adopted with what it says as comments") {
  const ImageText source{"ghcr.io/acme/blog:0042", "/cloud_manifest.yml",
                         "name: myapp\n\nexpose:\n- proto: http\n  port: 80\nmounts: []\n"};
  CHECK(adopted("ghcr.io/acme/blog:0042", ImageFacts(), source) ==
        R"(name: myapp
image: ghcr.io/acme/blog:0042

# What the image says itself (ghcr.io/acme/blog:0042:/cloud_manifest.yml), and )"
        R"(what is said here fills and overrides:
#   name: myapp
#
#   expose:
#   - proto: http
#     port: 80
#   mounts: []
# Of this is left out, and can be said here:
#   ghcr.io/acme/blog:0042:/cloud_manifest.yml:6:1: an image may not say )"
        R"(mounts: folders of the host are the folder's to give

# What the configuration of the image tells:
# It runs as root unless `user` is said.
)");
}

TEST_CASE("an image without a manifest is adopted with the hints of its configuration") {
  const ImageFacts facts = facts_of(R"({"Id": "sha256:1f2e", "Config": {
    "ExposedPorts": {"80/tcp": {}, "5432/tcp": {}, "53/udp": {}},
    "Volumes": {"/var/lib/data": {}, "/cache": {}},
    "Healthcheck": {"Test": ["CMD", "curl", "-f", "http://localhost/"]},
    "User": "app:app"}})");
  CHECK(facts.id == "sha256:1f2e");
  CHECK(adopted("library/web", facts) == R"(name: web
image: library/web

# What the configuration of the image tells:
# expose:   # its EXPOSE
# - {proto: http, port: 80}
# - {proto: tcp, port: 5432}
# EXPOSE 53/udp has no counterpart here.
# needs:    # its VOLUME
# - storage: {path: "/var/lib/data"}
# VOLUME /cache as well: what is written there is not kept.
# Its HEALTHCHECK is used unless `health` is said: curl -f http://localhost/
# It runs as the user app:app.
)");
}

TEST_CASE("the hints are a manifest once their comment signs are gone") {
  const ImageFacts facts = facts_of(
      R"({"Config": {"ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data: x": {}}, "User": "1"}})");
  std::string text = adopted("web", facts);
  for (const char* hint : {"# expose", "# - {", "# needs", "# - storage"}) {
    const std::size_t found = text.find(hint);
    REQUIRE(found != std::string::npos);
    text.erase(found, 2);
  }
  const ParsedManifest manifest = parse_manifest("web.yml", text);
  REQUIRE(manifest.errors.empty());
  CHECK(manifest.apps[0].app->expose[0].port == 80);
  CHECK(manifest.apps[0].app->needs.storage->path == "/data: x");
}

TEST_CASE("a manifest in the image that cannot be used is said to be so") {
  const ImageText source{"acme/blog", "/cloud_manifest.yml", "name: other\nname: twice\n"};
  CHECK(adopted("acme/blog", ImageFacts(), source) == R"(name: blog
image: acme/blog

# The manifest in the image cannot be used:
#   acme/blog:/cloud_manifest.yml:2:1: name: this key stands here twice

# What the configuration of the image tells:
# It runs as root unless `user` is said.
)");
}

TEST_CASE("nothing in an image ends a comment") {
  const std::string breaks =
      "a\nprivileged: true\r\xc2\x85 b \xe2\x80\xa8 c \xe2\x80\xa9\xff\x1b[2J";
  ImageFacts facts;
  facts.ports = {breaks};
  facts.volumes = {"/" + breaks, "/" + breaks};
  facts.health = breaks;
  facts.user = breaks;
  const ImageText source{"acme/blog", "/cloud_manifest.yml",
                         "env: {A: \"x\"} # \xe2\x80\xa8 name: x\r\nhosts: {}\n"};
  const std::string text = adopted("acme/blog", facts, source);
  CHECK(text.find("\xc2\x85") == std::string::npos);
  CHECK(text.find("\xe2\x80\xa8") == std::string::npos);
  CHECK(text.find("\xe2\x80\xa9") == std::string::npos);
  CHECK(text.find('\r') == std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\xff') == std::string::npos);
  std::size_t at = 0;
  for (int line = 0; at < text.size(); ++line) {
    const bool own = line < 2 || text[at] == '#' || text[at] == '\n';
    CHECK_MESSAGE(own, text.substr(at, 40));
    at = text.find('\n', at) + 1;
  }
}

TEST_CASE("a name is made of the last part of the reference") {
  CHECK(name_of_image("ghcr.io/acme/blog:0042") == "blog");
  CHECK(name_of_image("127.0.0.1:5000/blog") == "blog");
  CHECK(name_of_image("blog@sha256:" + std::string(64, 'a')) == "blog");
  CHECK(name_of_image("acme/my_blog.web__x") == "my-blog-web--x");
  CHECK(name_of_image("acme/7zip-") == "zip");
  CHECK(name_of_image("acme/123") == "app");
  CHECK(name_of_image("acme/" + std::string(39, 'a') + "-b") == std::string(39, 'a'));
}

TEST_CASE("a name or reference that reads as something else is quoted") {
  CHECK(adopted("null", ImageFacts()).substr(0, 26) == "name: \"null\"\nimage: \"null\"");
  CHECK(adopted("acme/true:1", ImageFacts()).substr(0, 31) == "name: \"true\"\nimage: acme/true:1");
  CHECK(adopted("1234", ImageFacts()).substr(0, 23) == "name: app\nimage: \"1234\"");
}

TEST_CASE("a name in the image that is none is not taken") {
  const ImageText source{"acme/blog", "/cloud_manifest.yml", "name: Not A Name\n"};
  CHECK(adopted("acme/blog", ImageFacts(), source).substr(0, 11) == "name: blog\n");
}

TEST_CASE("an answer that lacks everything gives no facts") {
  const ImageFacts facts = facts_of(R"({"Config": {"Healthcheck": {"Test": ["NONE", "x"]}}})");
  CHECK(facts.health == "");
  CHECK(facts.manifest == "");
  CHECK(facts_of("[]").ports.empty());
  CHECK(facts_of(R"({"Config": {"Labels": {"fairlead.manifest": "{}"}}})").manifest == "{}");
}
