#include "providers/mariadb/marks.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fairlead::mariadb {
namespace {

constexpr std::size_t password_characters = 32;
constexpr std::size_t signature_digits = 32;
constexpr std::size_t hash_digits = 40;
constexpr int rotations_known = 64;
constexpr int rotations_ahead = 8;

using Sha1 = std::array<unsigned char, SHA_DIGEST_LENGTH>;

Sha1 sha1(const unsigned char* data, std::size_t size) {
  Sha1 out{};
  SHA1(data, size, out.data());
  return out;
}

}  // namespace

std::string password_hash(const Secret& password) {
  static const char* const hex = "0123456789ABCDEF";
  const std::string& text = password.reveal();
  const Sha1 once = sha1(reinterpret_cast<const unsigned char*>(text.data()), text.size());
  std::string out = "*";
  for (const unsigned char byte : sha1(once.data(), once.size())) {
    out += hex[byte >> 4];
    out += hex[byte & 15];
  }
  return out;
}

Secret app_password(const Keys& keys, const std::string& app, int rotation) {
  return keys.derive("database/" + app + "/" + std::to_string(rotation), password_characters);
}

std::string owner_in(const std::string& comment) {
  const std::size_t from = comment.find(" /");
  if (from == comment.npos) return "";
  const std::size_t end = comment.find(' ', from + 1);
  return comment.substr(from + 1, end == comment.npos ? end : end - from - 1);
}

std::string database_comment(const Keys& keys, const std::string& app, const std::string& owner) {
  const std::string whose =
      "fairlead " + keys.installation() + " " + app + (owner.empty() ? "" : " " + owner);
  return whose + " " + keys.digest("database", whose).substr(0, signature_digits);
}

Passwords::Passwords(const Keys& keys, std::string app, int wanted)
    : keys_(keys), app_(std::move(app)), wanted_(wanted) {}

std::string Passwords::current() const { return password_hash(app_password(keys_, app_, wanted_)); }

std::string Passwords::tombstone() const {
  std::string digits = keys_.digest("database tombstone", app_).substr(0, hash_digits);
  std::transform(digits.begin(), digits.end(), digits.begin(),
                 [](char c) { return c >= 'a' ? static_cast<char>(c - 'a' + 'A') : c; });
  return "*" + digits;
}

bool Passwords::ours(std::string_view hash) const {
  // In this order, because nearly always it is the first.
  if (wanted_ > 0 && hash == current()) return true;
  if (hash == tombstone()) return true;
  const int last = std::max(rotations_known, wanted_ + rotations_ahead);
  for (int rotation = 1; rotation <= last; ++rotation) {
    if (hash == password_hash(app_password(keys_, app_, rotation))) return true;
  }
  return false;
}

}  // namespace fairlead::mariadb
