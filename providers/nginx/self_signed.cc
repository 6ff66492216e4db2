// Certificates that nobody vouches for: for hosts of which there is no other.

#include <openssl/objects.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "providers/nginx/certificates.h"
#include "providers/nginx/openssl.h"
#include "reconciler/check.h"

namespace fairlead::nginx {
namespace {

constexpr std::chrono::hours period{24 * 90};
constexpr std::chrono::hours lifetime{24 * 365};
constexpr std::size_t common_name_max = 64;  // RFC 5280, ub-common-name
constexpr std::size_t self_signed_id_digits = 32;

// A private key out of a text that is evenly spread over far more values than there are keys: its
// digest of 512 bits modulo n - 1, plus 1 (FIPS 186-5, A.2.1).
SecretBignumPtr scalar_of(const Secret& derived, const EC_GROUP* group, BN_CTX* context) {
  const std::string& text = derived.reveal();
  std::array<unsigned char, EVP_MAX_MD_SIZE> wide{};
  unsigned length = 0;
  FAIRLEAD_CHECK(
      EVP_Digest(text.data(), text.size(), wide.data(), &length, EVP_sha512(), nullptr) == 1);
  SecretBignumPtr scalar(BN_bin2bn(wide.data(), static_cast<int>(length), nullptr));
  const BignumPtr below(BN_dup(EC_GROUP_get0_order(group)));
  FAIRLEAD_CHECK(scalar && below && BN_sub_word(below.get(), 1) == 1 &&
                 BN_mod(scalar.get(), scalar.get(), below.get(), context) == 1 &&
                 BN_add_word(scalar.get(), 1) == 1);
  return scalar;
}

KeyPtr key_of(const BIGNUM* scalar, const std::vector<unsigned char>& point) {
  const ParamsBuilderPtr builder(OSSL_PARAM_BLD_new());
  FAIRLEAD_CHECK(
      builder && OSSL_PARAM_BLD_push_utf8_string(builder.get(), "group", "P-256", 0) == 1 &&
      OSSL_PARAM_BLD_push_BN(builder.get(), "priv", scalar) == 1 &&
      OSSL_PARAM_BLD_push_octet_string(builder.get(), "pub", point.data(), point.size()) == 1);
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  FAIRLEAD_CHECK(params && context && EVP_PKEY_fromdata_init(context.get()) == 1 &&
                 EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) == 1);
  return KeyPtr(key);
}

KeyPtr derive_key(const Secret& derived) {
  const GroupPtr group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  const BignumContextPtr context(BN_CTX_new());
  FAIRLEAD_CHECK(group && context);
  const SecretBignumPtr scalar = scalar_of(derived, group.get(), context.get());
  const PointPtr point(EC_POINT_new(group.get()));
  FAIRLEAD_CHECK(point && EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr,
                                       context.get()) == 1);
  std::vector<unsigned char> encoded(65);
  FAIRLEAD_CHECK(EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED,
                                    encoded.data(), encoded.size(),
                                    context.get()) == encoded.size());
  return key_of(scalar.get(), encoded);
}

void add_extension(X509* certificate, int kind, const char* text) {
  const ExtensionPtr extension(X509V3_EXT_conf_nid(nullptr, nullptr, kind, text));
  FAIRLEAD_CHECK(extension && X509_add_ext(certificate, extension.get(), -1) == 1);
}

// Not as text: in OpenSSL's own notation a name could bring in more than a name.
void add_names(X509* certificate, const std::vector<std::string>& hosts) {
  const NamesPtr names(sk_GENERAL_NAME_new_null());
  FAIRLEAD_CHECK(names);
  for (const std::string& host : hosts) {
    NamePtr name(GENERAL_NAME_new());
    ASN1_IA5STRING* text = ASN1_IA5STRING_new();
    FAIRLEAD_CHECK(name && text &&
                   ASN1_STRING_set(text, host.data(), static_cast<int>(host.size())) == 1);
    GENERAL_NAME_set0_value(name.get(), GEN_DNS, text);
    FAIRLEAD_CHECK(sk_GENERAL_NAME_push(names.get(), name.release()) > 0);
  }
  FAIRLEAD_CHECK(X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0,
                                   X509V3_ADD_DEFAULT) == 1);
}

void set_serial(X509* certificate, const std::string& digits) {
  BIGNUM* number = nullptr;
  FAIRLEAD_CHECK(BN_hex2bn(&number, digits.c_str()) > 0);
  const BignumPtr held(number);
  FAIRLEAD_CHECK(BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)) != nullptr);
}

void set_name(X509* certificate, const std::string& host) {
  const std::string name = host.size() <= common_name_max ? host : "fairlead";
  X509_NAME* subject = X509_get_subject_name(certificate);
  FAIRLEAD_CHECK(X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
                                            reinterpret_cast<const unsigned char*>(name.data()),
                                            static_cast<int>(name.size()), -1, 0) == 1);
  FAIRLEAD_CHECK(X509_set_issuer_name(certificate, subject) == 1);
}

void set_time(ASN1_TIME* time, Duration wall) {
  const auto whole = std::chrono::duration_cast<std::chrono::seconds>(wall).count();
  FAIRLEAD_CHECK(ASN1_TIME_set(time, whole) != nullptr);
}

X509Ptr sign(const Certificate& made, EVP_PKEY* key) {
  X509Ptr certificate(X509_new());
  FAIRLEAD_CHECK(certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1);
  // The leading 1 keeps it from being zero; at most 20 bytes are allowed (RFC 5280, 4.1.2.2).
  set_serial(certificate.get(), "1" + made.id.substr(0, 30));
  set_name(certificate.get(), made.names.front());
  set_time(X509_getm_notBefore(certificate.get()), made.begins);
  set_time(X509_getm_notAfter(certificate.get()), made.ends);
  FAIRLEAD_CHECK(X509_set_pubkey(certificate.get(), key) == 1);
  add_extension(certificate.get(), NID_basic_constraints, "critical,CA:FALSE");
  add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature");
  add_extension(certificate.get(), NID_ext_key_usage, "serverAuth");
  add_names(certificate.get(), made.names);
  FAIRLEAD_CHECK(X509_sign(certificate.get(), key, EVP_sha256()) > 0);
  return certificate;
}

}  // namespace

CertificatePtr self_signed(const Keys& keys, const std::vector<std::string>& hosts, Duration now) {
  FAIRLEAD_CHECK(!hosts.empty());
  Certificate made;
  made.names = hosts;
  std::sort(made.names.begin(), made.names.end());
  made.names.erase(std::unique(made.names.begin(), made.names.end()), made.names.end());
  made.source = "self-signed";
  const auto count = now / Duration(period);
  made.begins = count * Duration(period);
  made.ends = made.begins + lifetime;
  std::string text = std::to_string(count);
  for (const std::string& name : made.names) text += "\n" + name;
  made.id = keys.digest("self-signed certificate", text).substr(0, self_signed_id_digits);
  return std::make_shared<const Certificate>(std::move(made));
}

Secret sign(const Keys& keys, const Certificate& certificate) {
  const KeyPtr key =
      derive_key(keys.derive("key of self-signed certificate " + certificate.id, 128));
  std::vector<X509Ptr> chain;
  chain.push_back(sign(certificate, key.get()));
  return Secret(pem_of(chain, key.get()));
}

}  // namespace fairlead::nginx
