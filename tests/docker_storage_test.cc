#include <doctest/doctest.h>

#include "providers/docker/policy.h"
#include "providers/docker/storage.h"
#include "tests/scene.h"
#include "tests/tar_builder.h"

using namespace fairlead;
using namespace fairlead::docker;
using fairlead::testing::test_keys;

namespace {

const Identity keeper = keeper_identity("blog", "sha256:" + std::string(64, 'a'));

Steps steps() {
  Session session;
  session.facts = Json::object({{"api", "1.41"}});
  return Steps(test_keys(), session);
}

std::string verdict(const HttpCall& call) {
  const Result<void> checked = check_policy(call, Platform());
  return checked ? "allowed" : checked.error().message;
}

// What the policy says of the keeper's creation with one value of HostConfig changed.
std::string with_host(const char* key, const char* value) {
  HttpCall call = std::get<HttpCall>(steps().create_keeper(keeper, {"/var/lib/x"}).request);
  Json body = *Json::parse(call.body);
  Json host = body["HostConfig"];
  host.set(key, *Json::parse(value));
  body.set("HostConfig", host);
  call.body = body.dump();
  return verdict(call);
}

std::string found(const std::string& owner) {
  const auto ids =
      find_owner(owner, "root:x:0:0::/:/bin/sh\nwww-data:x:33:34:w:/:/bin/false\nx:y\n",
                 "root:x:0:\nmedia:x:2000:www-data");
  if (!ids) return ids.error().message;
  return std::to_string(ids->user) + ":" + (ids->group ? std::to_string(*ids->group) : "-");
}

std::string folder(const Answer& answer) {
  const auto read = decode_folder("/srv/data", answer);
  if (!read)
    return (read.error().code == Code::unavailable ? "unknown " : "") + read.error().message;
  return std::to_string(read->user) + ":" + std::to_string(read->group);
}

}  // namespace

TEST_CASE("an owner is ids as they are said, or what the image's files have of the names") {
  CHECK(found("1000") == "1000:-");
  CHECK(found("1000:2") == "1000:2");
  CHECK(found("www-data") == "33:34");
  CHECK(found("www-data:5") == "33:5");
  CHECK(found("www-data:media") == "33:2000");
  CHECK(found("7:media") == "7:2000");
  CHECK(found("nobody") == "the image's /etc/passwd has no user nobody");
  CHECK(found("x") == "the image's /etc/passwd has no user x");
  CHECK(found("7:nogroup") == "the image's /etc/group has no group nogroup");
  CHECK_FALSE(has_names("1000:1000"));
  CHECK(has_names("1000:media"));
  CHECK(has_names("www-data"));
}

TEST_CASE("whose a volume is, is read from what the engine answers, and nothing else") {
  const std::string tar = folder_archive("data", {1000, 2000, 0750});
  CHECK(folder({200, tar, ""}) == "1000:2000");
  CHECK(folder({200, tar.substr(0, 512), ""}) == "1000:2000");
  CHECK(folder({200, folder_archive("other", {}), ""}) ==
        "/srv/data: the archive holds another folder than data");
  testing::TarEntry link;
  link.name = "data";
  link.type = '2';
  link.data = "";
  CHECK(folder({200, tar_of(link), ""}) == "/srv/data: must be a folder, got a symbolic link");
  CHECK(folder({200, "", ""}) == "/srv/data: the archive is cut off");
  CHECK(folder({500, R"({"message":"no"})", ""}) == "/srv/data: no");
  CHECK(folder({404, R"({"message":"No such container: c1"})", ""}) ==
        "unknown /srv/data: No such container: c1");
  CHECK(folder({0, "", "timed out"}) == "unknown /srv/data: timed out");
}

TEST_CASE("a keeper is made as one that cannot do anything, and nothing but it is written into") {
  CHECK(keeper.name() == "blog.storage.aaaaaaaaaaaa");
  CHECK(with_host("ReadonlyRootfs", "false") == "allowed");  // as it is made
  for (const auto& [key, value] : std::map<const char*, const char*>{
           {"CapDrop", "[]"},
           {"Privileged", "true"},
           {"Mounts", R"([{"Type": "volume", "Source": "shop.data", "Target": "/x"}])"},
           {"Mounts", R"([{"Type": "bind", "Source": "/", "Target": "/x"}])"}}) {
    CAPTURE(key);
    CHECK(with_host(key, value) ==
          "refused by fairlead's policy: a keeper that is not made as fairlead makes it");
  }
  const std::string refused = "refused by fairlead's policy: files for a container";
  const HttpCall own = own_call("/v1.41", keeper.name(), {1000, 1000, 0755});
  CHECK(verdict(own) == "allowed");
  HttpCall call = own;
  call.path = "/v1.41/containers/blog.web.3f9c2a1b/archive?path=/fairlead-storage";
  CHECK(verdict(call) == refused);
  call = own;
  call.path += "/..";
  CHECK(verdict(call) == refused);
  call = own;
  call.body += testing::tar_of({});
  CHECK(verdict(call) == refused);
  call = own;
  call.body = testing::tar_of({});
  CHECK(verdict(call) == refused);
}
