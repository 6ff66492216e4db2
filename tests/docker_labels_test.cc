#include <doctest/doctest.h>

#include <string>

#include "providers/docker/labels.h"

using namespace fairlead;
using namespace fairlead::docker;

namespace {

const Keys keys("0123456789abcdef", Secret(std::string(32, 'k')));
const Identity web{"container", "blog", "web", "3f9c2a1b00000000", 1};

bool is_proven(const std::string& kind, const Json& labels, const Keys& by = keys) {
  return proven(by, claimed_identity(kind, labels), labels);
}

Json changed(const Identity& identity, const char* label, const char* value) {
  Json labels = owner_labels(keys, identity);
  labels.set(label, value);
  return labels;
}

}  // namespace

TEST_CASE("names follow from what an object is") {
  CHECK(web.name() == "blog.web.3f9c2a1b");
  Identity second = web;
  second.replica = 2;
  CHECK(second.name() == "blog.web.3f9c2a1b.2");
  CHECK(Identity{"network", "blog", "", "", 1}.name() == "blog");
  CHECK(Identity{"volume", "blog", "", "", 1}.name() == "blog.data");
  const Identity reader{"reader", "blog", "", "sha256:0123456789abcdef", 1};
  CHECK(reader.name() == "blog.manifest.0123456789ab");
}

TEST_CASE("our own labels are proven, and say what the object is") {
  for (const int replica : {1, 2, 17}) {
    Identity identity = web;
    identity.replica = replica;
    const Json labels = owner_labels(keys, identity);
    const Identity claimed = claimed_identity("container", labels);
    CHECK(claimed.name() == identity.name());
    CHECK(claimed.replica == replica);
    CHECK(is_proven("container", labels));
  }
  CHECK(is_proven("network", owner_labels(keys, {"network", "blog", "", "", 1})));
  CHECK(is_proven("volume", owner_labels(keys, {"volume", "blog", "", "", 1})));
  CHECK(is_proven("reader", owner_labels(keys, {"reader", "blog", "", "sha256:01", 1})));
}

TEST_CASE("labels that were changed in any part prove nothing") {
  CHECK_FALSE(is_proven("container", changed(web, label::app, "shop")));
  CHECK_FALSE(is_proven("container", changed(web, label::process, "worker")));
  CHECK_FALSE(is_proven("container", changed(web, label::replica, "2")));
  CHECK_FALSE(is_proven("container", changed(web, label::fingerprint, "3f9c2a1b00000001")));
  CHECK_FALSE(is_proven("container", changed(web, label::installation, "ffffffffffffffff")));
  CHECK_FALSE(is_proven("container", changed(web, label::signature, "")));
  CHECK_FALSE(is_proven("container", Json()));
}

TEST_CASE("labels of one kind prove nothing for another") {
  const Json network = owner_labels(keys, {"network", "blog", "", "", 1});
  CHECK_FALSE(is_proven("volume", network));
  CHECK_FALSE(is_proven("container", network));
  CHECK_FALSE(is_proven("network", owner_labels(keys, web)));
}

TEST_CASE("another installation with the same id but another key proves nothing") {
  const Keys others("0123456789abcdef", Secret(std::string(32, 'x')));
  CHECK_FALSE(is_proven("container", owner_labels(others, web)));
  CHECK(is_proven("container", owner_labels(others, web), others));
}

TEST_CASE("labels of an image cannot make a container ours: the signature needs the key") {
  Json labels = Json::object({{label::installation, "0123456789abcdef"},
                              {label::app, "blog"},
                              {label::process, "web"},
                              {label::fingerprint, "3f9c2a1b00000000"}});
  CHECK_FALSE(is_proven("container", labels));
  labels.set(label::signature, std::string(64, '0'));
  CHECK_FALSE(is_proven("container", labels));
}
