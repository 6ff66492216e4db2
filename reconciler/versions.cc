#include "reconciler/versions.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace fairlead {
namespace {

constexpr std::string_view version_digits = "0123456789";

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of(version_digits) == text.npos;
}

// As semver.org wants it: no leading zeros.
std::optional<std::uint64_t> number(std::string_view text) {
  std::uint64_t value = 0;
  if (!is_number(text) || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::vector<std::string> split_text(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

bool is_identifier(const std::string& text) {
  const bool made_of = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
  return made_of && (!is_number(text) || text.size() == 1 || text[0] != '0');
}

int sign(bool below, bool above) { return below ? -1 : above ? 1 : 0; }

// Of any length, leading zeros or not.
int compare_digits(std::string_view a, std::string_view b) {
  a.remove_prefix(std::min(a.find_first_not_of('0'), a.size()));
  b.remove_prefix(std::min(b.find_first_not_of('0'), b.size()));
  if (a.size() != b.size()) return sign(a.size() < b.size(), true);
  return sign(a < b, b < a);
}

int compare_identifiers(const std::string& a, const std::string& b) {
  const bool a_number = is_number(a);
  const bool b_number = is_number(b);
  if (a_number && b_number) return compare_digits(a, b);
  if (a_number != b_number) return a_number ? -1 : 1;
  return sign(a < b, b < a);
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// The lowest of all versions with these numbers, so that no pre-release of it slips below.
Version lowest(Version version) {
  version.pre = {"0"};
  return version;
}

// The version with number `place` counted up and the later ones 0.
Version next(Version version, std::size_t place) {
  ++version.numbers[place];
  std::fill(version.numbers.begin() + static_cast<std::ptrdiff_t>(place) + 1, version.numbers.end(),
            0);
  return lowest(version);
}

}  // namespace

struct VersionRange::Partial {
  Version version;
  std::size_t given = 0;  // numbers, 0 to 3

  static std::optional<Partial> parse(std::string_view text) {
    Partial partial;
    text = text.substr(0, text.find('+'));
    if (text.substr(0, 1) == "v") text.remove_prefix(1);
    const std::size_t dash = text.find('-');
    const auto parts = split_text(text.substr(0, dash), '.');
    if (parts.size() > 3) return std::nullopt;
    bool open = false;
    for (const std::string& part : parts) {
      open = open || part == "x" || part == "X" || part == "*";
      const auto value = open ? std::nullopt : number(part);
      if (!open && !value) return std::nullopt;
      if (value) partial.version.numbers[partial.given++] = *value;
    }
    if (dash == text.npos) return partial;
    partial.version.pre = split_text(text.substr(dash + 1), '.');
    const auto& pre = partial.version.pre;
    if (open || !std::all_of(pre.begin(), pre.end(), is_identifier)) return std::nullopt;
    return partial;
  }
};

std::optional<Version> Version::parse(std::string_view tag) {
  if (tag.find('*') != tag.npos) return std::nullopt;
  const auto partial = VersionRange::Partial::parse(tag);
  if (!partial || partial->given < 2) return std::nullopt;
  return partial->version;
}

int compare(const Version& a, const Version& b) {
  if (a.numbers != b.numbers) return sign(a.numbers < b.numbers, true);
  if (a.pre.empty() != b.pre.empty()) return a.pre.empty() ? 1 : -1;
  const std::size_t both = std::min(a.pre.size(), b.pre.size());
  for (std::size_t i = 0; i < both; ++i) {
    if (const int found = compare_identifiers(a.pre[i], b.pre[i]); found != 0) return found;
  }
  return sign(a.pre.size() < b.pre.size(), b.pre.size() < a.pre.size());
}

bool VersionRange::limit(std::string_view sign, const Partial& partial, Alternative& into) {
  const auto add = [&](std::string_view signs, const Version& bound) {
    into.limits.push_back({bound, signs});
  };
  const Version& version = partial.version;
  const bool whole = partial.given == 3;
  into.pre = into.pre || !version.pre.empty();
  if (partial.given == 0) return sign != "<" && sign != ">";  // any version
  if (sign == ">" && !whole) {
    add("0+", next(version, partial.given - 1));
  } else if (sign == ">") {
    add("+", version);
  } else if (sign == "<") {
    add("-", whole ? version : lowest(version));
  } else if (sign == "<=" && whole) {
    add("-0", version);
  } else if (sign == "<=") {
    add("-", next(version, partial.given - 1));
  } else {
    add("0+", version);
  }
  if (sign == "^") {
    std::size_t place = 0;
    while (place + 1 < partial.given && version.numbers[place] == 0) ++place;
    add("-", next(version, place));
  }
  if (sign == "~") add("-", next(version, std::min<std::size_t>(partial.given - 1, 1)));
  if (sign.empty() || sign == "=") {
    if (whole) add("0", version);
    if (!whole) add("-", next(version, partial.given - 1));
  }
  return true;
}

bool VersionRange::read(std::string_view word, Alternative& into) {
  const std::size_t end = std::min(word.find_first_not_of("<>=^~"), word.size());
  const std::string_view sign = word.substr(0, end);
  constexpr std::array<std::string_view, 8> known = {"", "=", ">", ">=", "<", "<=", "^", "~"};
  const auto partial = Partial::parse(word.substr(end));
  if (std::find(known.begin(), known.end(), sign) == known.end() || !partial) return false;
  if (partial->given < 3 && !partial->version.pre.empty()) return false;
  return limit(sign, *partial, into);
}

Result<VersionRange> VersionRange::parse(std::string_view text) {
  const Error error{Code::invalid,
                    "must be a range such as \">=1.2 <2\", \"^1.4\" or \"~1.4.2 || 2.x\", got \"" +
                        std::string(text) + "\"",
                    ""};
  VersionRange range;
  std::string_view rest = text;
  while (true) {
    const std::size_t bar = rest.find("||");
    Alternative alternative;
    std::string sign;  // an operator that stands apart from its version
    for (const std::string& word : split_text(trimmed(rest.substr(0, bar)), ' ')) {
      const bool sign_only = word.find_first_not_of("<>=^~") == word.npos;
      if (sign_only && !word.empty() && !sign.empty()) return error;
      if (sign_only) {
        sign += word;
      } else if (read(std::exchange(sign, "") + word, alternative)) {
        continue;
      } else {
        return error;
      }
    }
    if (!sign.empty() || trimmed(rest.substr(0, bar)).empty()) return error;
    range.alternatives_.push_back(std::move(alternative));
    if (bar == rest.npos) return range;
    rest.remove_prefix(bar + 2);
  }
}

bool VersionRange::contains(const Version& version) const {
  const auto holds = [&](const Limit& limit) {
    const int found = compare(version, limit.bound);
    return limit.signs.find(found < 0 ? '-' : found > 0 ? '+' : '0') != limit.signs.npos;
  };
  return std::any_of(alternatives_.begin(), alternatives_.end(), [&](const Alternative& one) {
    return (version.pre.empty() || one.pre) &&
           std::all_of(one.limits.begin(), one.limits.end(), holds);
  });
}

Result<Track> Track::parse(std::string_view text) {
  Track track;
  track.text = std::string(trimmed(text));
  if (track.text == "digest") return track;
  track.by = By::numeric;
  if (track.text == "numeric") return track;
  track.by = By::semver;
  constexpr std::string_view word = "semver";
  std::string_view range =
      trimmed(std::string_view(track.text).substr(std::min(word.size(), track.text.size())));
  const bool apart = track.text.size() <= word.size() || track.text[word.size()] == ' ';
  if (track.text.compare(0, word.size(), word) != 0 || !apart) {
    return Error{Code::invalid,
                 "must be digest, numeric or semver with a range, such as semver >=1.2 <2, got \"" +
                     track.text + "\"",
                 ""};
  }
  if (range.size() > 1 && range.front() == '"' && range.back() == '"') {
    range = range.substr(1, range.size() - 2);
  }
  Result<VersionRange> parsed = VersionRange::parse(range.empty() ? "*" : range);
  if (!parsed) return parsed.error();
  track.range = std::move(*parsed);
  return track;
}

bool Track::understands(const std::string& tag) const {
  if (by == By::digest) return true;
  return by == By::numeric ? is_number(tag) : Version::parse(tag).has_value();
}

bool Track::newer(const std::string& tag, const std::string& current) const {
  if (by == By::digest || !understands(tag) || !understands(current)) return false;
  if (by == By::numeric) return compare_digits(tag, current) > 0;
  return compare(*Version::parse(tag), *Version::parse(current)) > 0;
}

std::optional<std::string> Track::choose(const std::string& current,
                                         const std::vector<std::string>& tags) const {
  for (const std::string& tag : sorted(tags)) {
    if (!newer(tag, current)) return std::nullopt;
    if (by != By::semver || range.contains(*Version::parse(tag))) return tag;
  }
  return std::nullopt;
}

std::vector<std::string> Track::sorted(std::vector<std::string> tags) const {
  const auto others = std::stable_partition(
      tags.begin(), tags.end(),
      [this](const std::string& tag) { return by != By::digest && understands(tag); });
  std::sort(tags.begin(), others, [this](const std::string& a, const std::string& b) {
    if (newer(a, b) != newer(b, a)) return newer(a, b);
    // Of one version the more exact way to write it: "1.2.0" before "1.2".
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  std::sort(others, tags.end());
  return tags;
}

}  // namespace fairlead
