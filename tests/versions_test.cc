#include "reconciler/versions.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace fairlead;

namespace {

using Tags = std::vector<std::string>;

Track track(const std::string& text) {
  Result<Track> parsed = Track::parse(text);
  REQUIRE_MESSAGE(parsed.ok(), text);
  return *parsed;
}

std::string chosen(const std::string& how, const std::string& current, const Tags& tags) {
  return track(how).choose(current, tags).value_or("-");
}

// Those of the tags that are in the range, one after the other.
std::string within(const std::string& range, const Tags& tags) {
  const Result<VersionRange> parsed = VersionRange::parse(range);
  REQUIRE_MESSAGE(parsed.ok(), range);
  std::string text;
  for (const std::string& tag : tags) {
    const auto version = Version::parse(tag);
    REQUIRE_MESSAGE(version.has_value(), tag);
    if (parsed->contains(*version)) text += (text.empty() ? "" : " ") + tag;
  }
  return text;
}

}  // namespace

TEST_CASE("versions have the order of semver.org") {
  const Tags ordered = {"1.0.0-0",    "1.0.0-alpha",  "1.0.0-alpha.1", "1.0.0-alpha.beta",
                        "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1",
                        "1.0.0",      "1.0.1",        "1.2.0",         "1.11.0",
                        "2.0.0"};
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    for (std::size_t k = 0; k < ordered.size(); ++k) {
      CAPTURE(ordered[i]);
      CAPTURE(ordered[k]);
      const int found = compare(*Version::parse(ordered[i]), *Version::parse(ordered[k]));
      CHECK((found < 0) == (i < k));
      CHECK((found > 0) == (i > k));
    }
  }
}

TEST_CASE("a tag may begin with v, lack the third number and carry build metadata") {
  const Version plain = *Version::parse("1.2.0");
  for (const char* tag : {"v1.2.0", "1.2", "v1.2", "1.2.0+build.7"}) {
    REQUIRE(Version::parse(tag).has_value());
    CHECK(compare(*Version::parse(tag), plain) == 0);
  }
}

TEST_CASE("what could be a date, a hash or a word is no version") {
  for (const char* tag :
       {"", "1", "20240131", "latest", "1.2.3.4", "01.2.3", "1.02.3", "1.x", "1.*", "*", "1.2.",
        "1.2.3-", "1.2.3-rc..1", "1.2.3-01", "v", "1.2 ", "99999999999999999999.0.0", "1.-2.3"}) {
    CAPTURE(tag);
    CHECK_FALSE(Version::parse(tag));
  }
}

TEST_CASE("ranges hold what their operators say") {
  const Tags tags = {"0.0.3", "0.0.4", "0.2.3", "0.3.0", "1.2.2", "1.2.3",
                     "1.2.4", "1.3.0", "1.9.9", "2.0.0", "2.1.0", "3.0.0"};
  CHECK(within(">=1.2.3 <2", tags) == "1.2.3 1.2.4 1.3.0 1.9.9");
  CHECK(within(">1.2.3 <=2.0.0", tags) == "1.2.4 1.3.0 1.9.9 2.0.0");
  CHECK(within(">= 1.3   < 2.1", tags) == "1.3.0 1.9.9 2.0.0");
  CHECK(within(">1.2 <=2", tags) == "1.3.0 1.9.9 2.0.0 2.1.0");
  CHECK(within("=1.2.3", tags) == "1.2.3");
  CHECK(within("1.2", tags) == "1.2.2 1.2.3 1.2.4");
  CHECK(within("=1.2.x", tags) == "1.2.2 1.2.3 1.2.4");
  CHECK(within("2", tags) == "2.0.0 2.1.0");
  CHECK(within("^1.2.3", tags) == "1.2.3 1.2.4 1.3.0 1.9.9");
  CHECK(within("^0.2", tags) == "0.2.3");
  CHECK(within("^0.0.3", tags) == "0.0.3");
  CHECK(within("^0", tags) == "0.0.3 0.0.4 0.2.3 0.3.0");
  CHECK(within("~1.2.3", tags) == "1.2.3 1.2.4");
  CHECK(within("~1", tags) == "1.2.2 1.2.3 1.2.4 1.3.0 1.9.9");
  CHECK(within("0.0.3 || >=2.1", tags) == "0.0.3 2.1.0 3.0.0");
  CHECK(within("*", {"0.0.1", "9.0.0"}) == "0.0.1 9.0.0");
}

TEST_CASE("a pre-release is in a range only where the range names one") {
  const Tags tags = {"1.1.0", "1.2.0-beta", "1.2.0-rc.1", "1.2.0", "1.3.0-rc.1", "2.0.0-rc.1"};
  CHECK(within(">=1.1", tags) == "1.1.0 1.2.0");
  CHECK(within(">=1.2.0-rc.1", tags) == "1.2.0-rc.1 1.2.0 1.3.0-rc.1 2.0.0-rc.1");
  CHECK(within("^1.2.0-rc.1", tags) == "1.2.0-rc.1 1.2.0 1.3.0-rc.1");
  CHECK(within("1.1.0 || 1.2.0-beta", tags) == "1.1.0 1.2.0-beta");
  CHECK(within(">=1.2.0-0 <2", tags) == "1.2.0-beta 1.2.0-rc.1 1.2.0 1.3.0-rc.1");
}

TEST_CASE("what is no range is refused") {
  for (const char* text : {"", " ", "||", "1 ||", ">", "1.2 >=", "> >= 1", "=>1", "~>1", "latest",
                           "1.2.3.4", ">=1.2-rc", "<*", "1.x-rc", ">=1,<2", "!1"}) {
    CAPTURE(text);
    CHECK_FALSE(VersionRange::parse(text));
  }
}

TEST_CASE("a track is written in one word, and semver with its range, quoted or not") {
  CHECK(track("digest").by == Track::By::digest);
  CHECK(track("numeric").by == Track::By::numeric);
  for (const char* text : {"semver >=1.2 <2", "semver \">=1.2 <2\"", " semver  >=1.2 <2 "}) {
    CHECK(track(text).range.contains(*Version::parse("1.9.0")));
    CHECK_FALSE(track(text).range.contains(*Version::parse("2.0.0")));
  }
  CHECK(track("semver").range.contains(*Version::parse("9.0.0")));
  for (const char* text : {"", "newest", "semver>=1", "semver latest", "semver \"\" 1", "Digest"}) {
    CAPTURE(text);
    CHECK_FALSE(Track::parse(text));
  }
}

TEST_CASE("semver chooses the newest version of the range, and never an older one") {
  const Tags tags = {"latest", "1.2.0", "1.10.0", "v1.9.0", "2.0.0", "1.11.0-rc.1", "20240131"};
  CHECK(chosen("semver >=1.2 <2", "1.2.0", tags) == "1.10.0");
  CHECK(chosen("semver >=1.2 <2", "1.10.0", tags) == "-");
  CHECK(chosen("semver >=1.2 <2", "1.10", tags) == "-");
  CHECK(chosen("semver >=1.2 <2", "3.0.0", tags) == "-");
  CHECK(chosen("semver <1", "1.2.0", tags) == "-");
  CHECK(chosen("semver", "1.2.0", {"1.3", "1.3.0", "1.2.0"}) == "1.3.0");
  CHECK(chosen("semver", "latest", tags) == "-");
}

TEST_CASE("numeric chooses the largest number and keeps its zeros") {
  CHECK(chosen("numeric", "0041", {"0040", "0042", "latest", "0041", "1.5"}) == "0042");
  CHECK(chosen("numeric", "9", {"0010", "9"}) == "0010");
  CHECK(chosen("numeric", "0042", {"42", "0042", "7"}) == "-");
  CHECK(chosen("numeric", "1", {"18446744073709551617", "18446744073709551616"}) ==
        "18446744073709551617");
}

TEST_CASE("by digest no other tag is chosen") {
  CHECK(chosen("digest", "1", {"1", "2", "latest"}) == "-");
}

TEST_CASE("tags are sorted newest first, and those that are no versions last") {
  CHECK(track("semver").sorted({"latest", "1.2", "1.10.0", "1.2.0", "edge", "2.0.0-rc.1"}) ==
        Tags{"2.0.0-rc.1", "1.10.0", "1.2.0", "1.2", "edge", "latest"});
  CHECK(track("numeric").sorted({"9", "latest", "0010", "7"}) == Tags{"0010", "9", "7", "latest"});
  CHECK(track("digest").sorted({"2", "1", "10"}) == Tags{"1", "10", "2"});
}
