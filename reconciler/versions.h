#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reconciler/result.h"

// Which tag of an image is newer than another, and which of many an app is to follow. Pure values;
// any thread. Errors: invalid, with the accepted form. Invariants: (1) no tag is newer than itself;
// (2) what does not read as a version is never chosen.
namespace fairlead {

// A version as in semver.org 2.0, read leniently as tags are written: a leading "v" and a missing
// third number are allowed, build metadata is left out.
struct Version {
  std::array<std::uint64_t, 3> numbers{};
  std::vector<std::string> pre;  // "1.2.0-rc.1" → {"rc", "1"}; empty: a release

  // Nothing where it is none: a single number is no version, a date could be one.
  static std::optional<Version> parse(std::string_view tag);
};

// Below, at or above 0, as in the precedence of semver.org.
int compare(const Version& a, const Version& b);

// What an app wants to move to: ">=1.2 <2 || ^3.1". A blank is "and", "||" is "or"; operators are
// >= > < <= = ^ ~, and a version may be partial or end in x or *. A pre-release fits only an
// alternative that names one.
class VersionRange {
 public:
  static Result<VersionRange> parse(std::string_view text);
  bool contains(const Version& version) const;

  struct Partial;  // a version of which only the first numbers may be given

 private:
  // Holds for versions v with sign(compare(v, bound)) in `signs`: "-", "-0", "0", "0+", "+".
  struct Limit {
    Version bound;
    std::string_view signs;
  };
  struct Alternative {
    std::vector<Limit> limits;  // all must hold
    bool pre = false;           // names a pre-release
  };
  static bool read(std::string_view word, Alternative& into);
  static bool limit(std::string_view sign, const Partial& partial, Alternative& into);

  std::vector<Alternative> alternatives_;  // one must hold
};

// How an app's image is followed.
struct Track {
  enum class By {
    digest,   // the manifest's tag, whatever it names
    numeric,  // the largest tag that is a whole number; "0042" stays as it is written
    semver,   // the newest version in a range
  };
  By by = By::digest;
  VersionRange range;  // of semver
  std::string text;    // as the manifest says it

  // "digest", "numeric", "semver >=1.2 <2"; the range may stand in quotes, none is any release.
  static Result<Track> parse(std::string_view text);
  // Whether the tag is one that the others can be compared with.
  bool understands(const std::string& tag) const;
  // Whether `tag` is what comes after `current`.
  bool newer(const std::string& tag, const std::string& current) const;
  // The newest of `tags` that is newer than `current` and in the range. By digest there is none.
  std::optional<std::string> choose(const std::string& current,
                                    const std::vector<std::string>& tags) const;
  // Those that it understands, newest first, then the others by name.
  std::vector<std::string> sorted(std::vector<std::string> tags) const;
};

}  // namespace fairlead
