#include <doctest/doctest.h>

#include "providers/docker/policy.h"
#include "providers/docker/reader.h"
#include "tests/scene.h"
#include "tests/tar_builder.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::tar_of;
using fairlead::testing::TarEntry;
using fairlead::testing::test_keys;

namespace {

const std::string image_id = "sha256:" + std::string(64, 'a');
const Identity reader = reader_identity("blog", image_id);

Json entry(const std::string& name, const Json& labels) {
  return Json::object({{"Id", "c1"},
                       {"Names", Json::array({"/" + name})},
                       {"State", "created"},
                       {"Labels", labels}});
}

Step creation(const std::vector<std::string>& volumes = {}) {
  Session session;
  session.facts = Json::object({{"api", "1.41"}});
  return Steps(test_keys(), session).create_reader(reader, volumes);
}

// What the policy says of the reader's creation with one value changed: "allowed", or what not.
std::string verdict(const std::function<void(Json& body, Json& host)>& change,
                    const std::string& name = reader.name()) {
  HttpCall call = std::get<HttpCall>(creation({"/data"}).request);
  Json body = *Json::parse(call.body);
  Json host = body["HostConfig"];
  change(body, host);
  body.set("HostConfig", host);
  call.body = body.dump();
  call.path = "/v1.41/containers/create?name=" + name;
  const Result<void> checked = check_policy(call, Platform());
  return checked ? "allowed" : checked.error().message;
}

std::string with_host(const char* key, const char* value) {
  return verdict([&](Json&, Json& host) { host.set(key, *Json::parse(value)); });
}
std::string with_body(const char* key, const char* value) {
  return verdict([&](Json& body, Json&) { body.set(key, *Json::parse(value)); });
}

std::string archive(const Answer& answer) {
  const Result<ImageContent> content = decode_archive("/cloud_manifest.yml", answer);
  if (!content) return "unknown";
  if (!content->error.empty()) return "error " + content->error;
  return content->place.empty() ? "none" : content->place + ": " + content->text;
}

}  // namespace

TEST_CASE("a reader is known by its signature and its name, and is no process") {
  const Json labels = owner_labels(test_keys(), reader);
  CHECK(reader.name() == "blog.manifest.aaaaaaaaaaaa");
  const auto seen = decode_never_started(test_keys(), "reader", entry(reader.name(), labels));
  REQUIRE(seen);
  CHECK(seen->app == "blog");
  CHECK(seen->image_id == image_id);
  CHECK(seen->state == "created");
  CHECK_FALSE(proven(test_keys(), claimed_identity("container", labels), labels));
  // An image that was committed from one hands its labels on.
  CHECK_FALSE(decode_never_started(test_keys(), "reader", entry("copy", labels)));
  Json other = labels;
  other.set(label::image, "sha256:" + std::string(12, 'a'));
  CHECK_FALSE(decode_never_started(test_keys(), "reader", entry(reader.name(), other)));
  const Identity process{"container", "blog", "manifest", std::string(32, 'a'), 1};
  CHECK_FALSE(decode_never_started(test_keys(), "reader",
                                   entry(process.name(), owner_labels(test_keys(), process))));
}

TEST_CASE("a reader has nothing to run with, and makes no volumes") {
  const Step step = creation({"/data", "/data/", "/", "relative", "/var/lib/db"});
  const auto& call = std::get<HttpCall>(step.request);
  CHECK(call.path == "/v1.41/containers/create?name=blog.manifest.aaaaaaaaaaaa");
  const Json body = *Json::parse(call.body);
  CHECK(body["Image"].as_string() == image_id);
  CHECK(body["Entrypoint"].dump() == R"(["/never-started"])");
  CHECK(body["HostConfig"]["NetworkMode"].as_string() == "none");
  CHECK(body["HostConfig"]["Mounts"].dump().find("volume") == std::string::npos);
  CHECK(body["HostConfig"]["Mounts"].dump().find("/var/lib/db") != std::string::npos);
}

TEST_CASE("the policy allows a reader as fairlead makes it and nothing else") {
  CHECK(verdict([](Json&, Json&) {}) == "allowed");
  const std::string refused = "refused by fairlead's policy: a reader with ";
  CHECK(with_body("Cmd", R"(["sh"])") == refused + "the field Cmd");
  CHECK(with_body("Entrypoint", R"(["/bin/sh"])") == refused + R"(Entrypoint ["/bin/sh"])");
  CHECK(with_body("Image", R"("acme/blog:1")") == refused + R"(Image "acme/blog:1")");
  CHECK(with_body("NetworkDisabled", "false") == refused + "NetworkDisabled false");
  CHECK(with_host("Privileged", "true") == refused + "HostConfig.Privileged");
  CHECK(with_host("Binds", R"(["/:/host"])") == refused + "HostConfig.Binds");
  CHECK(with_host("CapDrop", "[]") == refused + "HostConfig.CapDrop []");
  CHECK(with_host("ReadonlyRootfs", "false") == refused + "HostConfig.ReadonlyRootfs false");
  CHECK(with_host("SecurityOpt", R"(["seccomp=unconfined"])") ==
        refused + R"(HostConfig.SecurityOpt ["seccomp=unconfined"])");
  CHECK(with_host("Mounts", R"([{"Type":"bind","Target":"/x"}])") ==
        refused + "mount of type bind");
  CHECK(with_host("Mounts", R"([{"Type":"tmpfs","Target":"/x","Source":"/"}])") ==
        refused + "mount option Source");
  CHECK(verdict([](Json&, Json&) {}, "blog.web.3f9c2a1b") ==
        refused + "the name blog.web.3f9c2a1b");
  CHECK(with_body("Labels", "{}").find(refused) == 0);
  // In the host's network it is no reader, and no container of an app either.
  CHECK(with_host("NetworkMode", R"("host")").find("refused by fairlead's policy: ") == 0);
}

TEST_CASE("of the engine's answers only a file, or that there is none, says something") {
  CHECK(archive({200, tar_of({}), ""}) == "/cloud_manifest.yml: name: blog\n");
  const std::string lacking =
      R"({"message":"Could not find the file /cloud_manifest.yml in container c1"})";
  CHECK(archive({404, lacking, ""}) == "none");
  CHECK(archive({404, R"({"message":"No such container: c1"})", ""}) == "unknown");
  CHECK(archive({500, R"({"message":"cannot mount"})", ""}) == "unknown");
  CHECK(archive({0, "", "timed out"}) == "unknown");
}

TEST_CASE("what is there and is no regular file of its size is an error for ever") {
  TarEntry link;
  link.type = '2';
  link.data = "";
  CHECK(archive({200, tar_of(link), ""}).find("error /cloud_manifest.yml: ") == 0);
  Answer large{0, "", "too long"};
  large.too_long = true;
  CHECK(archive(large) ==
        "error /cloud_manifest.yml: must be a regular file of no more than 1 MiB");
  CHECK(archive({200, "no tar", ""}).find("error /cloud_manifest.yml: ") == 0);
}

TEST_CASE("a reader is needed for what is here, has no label and is not known") {
  ImageManifests images;
  SeenImage image;
  CHECK_FALSE(needs_reader(image, &images));
  image.id = image_id;
  CHECK(needs_reader(image, &images));
  CHECK(needs_reader(image, nullptr));
  image.manifest = "name: blog\n";
  CHECK_FALSE(needs_reader(image, &images));
  image.manifest.clear();
  images.take("shop", {"acme/shop:1", image_id, ImageContent()});
  CHECK_FALSE(needs_reader(image, &images));
}
