#include "reconciler/keys.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "reconciler/check.h"

namespace fairlead {
namespace {

const unsigned char* bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::vector<unsigned char> hkdf(std::string_view key, std::string_view info, std::size_t length) {
  std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_HKDF, nullptr), EVP_PKEY_CTX_free);
  std::vector<unsigned char> out(length);
  const bool done =
      context && EVP_PKEY_derive_init(context.get()) > 0 &&
      EVP_PKEY_CTX_set_hkdf_md(context.get(), EVP_sha256()) > 0 &&
      EVP_PKEY_CTX_set1_hkdf_salt(context.get(), bytes("fairlead"), 8) > 0 &&
      EVP_PKEY_CTX_set1_hkdf_key(context.get(), bytes(key), static_cast<int>(key.size())) > 0 &&
      EVP_PKEY_CTX_add1_hkdf_info(context.get(), bytes(info), static_cast<int>(info.size())) > 0 &&
      EVP_PKEY_derive(context.get(), out.data(), &length) > 0;
  FAIRLEAD_CHECK(done);
  return out;
}

}  // namespace

Keys::Keys(std::string installation, Secret key)
    : installation_(std::move(installation)), key_(std::move(key)) {}

std::string Keys::digest(std::string_view purpose, std::string_view text) const {
  const std::string& key = key_.reveal();
  std::string message(purpose);
  message += '\0';
  message += text;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned length = 0;
  FAIRLEAD_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes(message),
                      message.size(), digest.data(), &length) != nullptr);
  static const char* const hex = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    out += hex[digest[i] >> 4];
    out += hex[digest[i] & 15];
  }
  return out;
}

Secret Keys::derive(std::string_view purpose, std::size_t characters) const {
  static const char* const alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::string out;
  // Bytes of 248 and more are skipped, so that every character is equally likely. Twice as many
  // bytes as characters and 64 more run short with a probability below 2^-300.
  for (unsigned char byte : hkdf(key_.reveal(), purpose, characters * 2 + 64)) {
    if (byte < 248 && out.size() < characters) out += alphabet[byte % 62];
  }
  FAIRLEAD_CHECK(out.size() == characters);
  return Secret(out);
}

}  // namespace fairlead
