#include "reconciler/cli/images.h"

#include <doctest/doctest.h>

#include <string>

using namespace fairlead;

TEST_CASE("images are told newest first, with what runs, what is newer and what failed") {
  const Result<Json> images = Json::parse(R"({
    "name": "blog", "image": "r/blog:0041", "uses": "r/blog:0042@sha256:ab", "track": "numeric",
    "health": "Healthy", "asked_seconds_ago": 75, "error": "", "tags_total": 5,
    "tags": [{"tag": "0043", "state": "failed: ends\u001b[31m\nagain"},
             {"tag": "0042", "state": "runs"}, {"tag": "7", "state": ""}]})");
  REQUIRE(images.ok());
  CHECK(cli::images_text(*images) ==
        "image:    r/blog:0041\n"
        "follows:  numeric\n"
        "uses:     r/blog:0042@sha256:ab, Healthy\n"
        "as of:    1m15s ago\n"
        "\ntags, newest first:\n"
        "  0043  failed: ends [31m again\n"
        "  0042  runs\n"
        "  7\n"
        "  … and 2 more\n");
}

TEST_CASE("an app that follows nothing and a registry that is down are told as well") {
  const Result<Json> images = Json::parse(R"({"name": "a", "image": "a", "uses": "a",
    "track": null, "health": "Unknown", "error": "the registry docker.io cannot be reached",
    "tags": [], "tags_total": 0})");
  REQUIRE(images.ok());
  CHECK(cli::images_text(*images) ==
        "image:    a\nfollows:  nothing\nuses:     a, Unknown\n"
        "trouble:  the registry docker.io cannot be reached\n");
}
