#include "reconciler/local_images.h"

#include <doctest/doctest.h>

namespace fairlead {
namespace {

const std::string a = "sha256:aaaaaaaaaaaaaaaa";
const std::string b = "sha256:bbbbbbbbbbbbbbbb";
const std::string c = "sha256:cccccccccccccccc";

LocalImages running(const std::string& id, const std::string& tag) {
  LocalImages images;
  images.want("web", "app:latest");
  CHECK(images.id("web").empty());
  CHECK(images.take("web", {{id, false, true}, tag, false}));
  return images;
}

TEST_CASE("an image that a tag comes to stand for is tried, as a revision of its own") {
  LocalImages images = running(a, a);
  CHECK(images.id("web") == a);
  CHECK_FALSE(images.says_id("web"));
  CHECK_FALSE(images.is_news("web", a));
  CHECK(images.is_news("web", b));
  // First what is lacking, of the image that ran.
  CHECK_FALSE(images.take("web", {{a, false, false}, b, false}));
  CHECK(images.take("web", {{a, false, true}, b, false}));
  CHECK(images.id("web") == b);
  CHECK(images.says_id("web"));
  SUBCASE("well") {
    images.passed("web");
    CHECK(images.id("web") == b);
    CHECK_FALSE(images.is_news("web", b));
    // And back.
    CHECK(images.take("web", {{b, true, true}, a, false}));
    CHECK_FALSE(images.says_id("web"));
  }
  SUBCASE("failed") {
    CHECK(images.failed("web", "GET /up: 500"));
    CHECK(images.id("web") == a);
    CHECK_FALSE(images.says_id("web"));
    CHECK_FALSE(images.is_news("web", b));
    CHECK(images.told("web").find("failed: GET /up: 500") != std::string::npos);
    CHECK(images.is_news("web", c));
    CHECK(images.forgive("web"));
    CHECK(images.told("web").empty());
    CHECK(images.is_news("web", b));
    CHECK_FALSE(images.forgive("web"));
  }
  SUBCASE("taken back in the middle") {
    CHECK(images.take("web", {{b, true, true}, a, false}));
    CHECK(images.id("web") == a);
    CHECK_FALSE(images.failed("web", "x"));
  }
  CHECK(images.take_changed() == std::set<std::string>{"web"});
  CHECK(images.take_changed().empty());
  LocalImages read;
  read.restore("web", images.encode("web"));
  read.want("web", "app:latest");
  CHECK(read.encode("web") == images.encode("web"));
  CHECK(read.id("web") == images.id("web"));
}

TEST_CASE("at first what runs is kept, and a tag that stands for another image is told alone") {
  LocalImages images = running(a, b);
  CHECK(images.id("web") == a);
  CHECK_FALSE(images.says_id("web"));
  CHECK_FALSE(images.is_news("web", b));
  CHECK(images.told("web") ==
        "app:latest stands for bbbbbbbbbbbb on this host, and aaaaaaaaaaaa runs; it is tried with "
        "the next change of the tag or of the manifest, or by `fairlead retry web`");
  CHECK(images.take("web", {{a, false, true}, c, false}));
  CHECK(images.id("web") == c);
}

TEST_CASE("what was lost is learned from containers that say their image") {
  LocalImages images;
  images.want("web", "app:latest");
  CHECK(images.take("web", {{b, true, true}, b, false}));
  CHECK(images.id("web") == b);
  CHECK(images.says_id("web"));
}

TEST_CASE(
    "an image that is gone gives way to what the tag stands for, and nothing goes back to it") {
  LocalImages images = running(a, a);
  CHECK(images.take("web", {{"", false, false}, b, true}));
  CHECK(images.id("web") == b);
  CHECK(images.says_id("web"));
  CHECK_FALSE(images.failed("web", "x"));
  CHECK(images.id("web") == b);
  images.passed("web");
  CHECK(images.id("web") == b);
}

TEST_CASE("another reference begins anew, and one with a digest is not followed") {
  LocalImages images = running(a, a);
  images.want("web", "app:2");
  CHECK(images.id("web").empty());
  CHECK(images.encode("web").empty());
  images.want("web", "app@sha256:" + std::string(64, 'a'));
  CHECK_FALSE(images.take("web", {{a, false, true}, b, false}));
  CHECK(images.id("web").empty());
}

}  // namespace
}  // namespace fairlead
