/* token: what we wrote is read again; one bit of it changed, another kind or another key is not. */
#include "sip/token.h"
#include "sip_message.h"

static const struct hash_key key = { 0x1234, 0x5678 };

Test(sip_token, there_and_back)
{
	static const handle all[] = { 1, UINT64_MAX, 0x0102030405060708ull };

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		char text[64];
		struct buf b = buf_on(text, sizeof(text));
		handle h = 0;

		token_put(&b, &key, TOKEN_TAG, all[i]);
		cr_assert_eq(b.len, TOKEN_LEN);
		buf_lit(&b, "-more");
		cr_expect_eq(token_read(&key, TOKEN_TAG, buf_span(&b), &h), ERR_NONE);
		cr_expect_eq(h, all[i]);
		cr_expect_eq(token_read(&key, TOKEN_BRANCH, buf_span(&b), &h), ERR_DENIED);
		cr_expect_eq(token_read(&(struct hash_key){ 1, 2 }, TOKEN_TAG, buf_span(&b), &h),
		    ERR_DENIED);
	}
}

Test(sip_token, each_character_counts)
{
	char text[TOKEN_LEN];
	struct buf b = buf_on(text, sizeof(text));
	handle h = 42;

	token_put(&b, &key, TOKEN_CONTACT, 7);
	for (size_t i = 0; i < TOKEN_LEN; i++) {
		const char kept = text[i];

		text[i] = kept == 'a' ? 'b' : 'a';
		cr_expect_eq(token_read(&key, TOKEN_CONTACT, buf_span(&b), &h), ERR_DENIED);
		text[i] = 'A';
		cr_expect_eq(token_read(&key, TOKEN_CONTACT, buf_span(&b), &h), ERR_SYNTAX);
		text[i] = kept;
	}
	cr_expect_eq(token_read(&key, TOKEN_CONTACT, span_of(text, TOKEN_LEN - 1), &h), ERR_SYNTAX);
	cr_expect_eq(token_read(&key, TOKEN_CONTACT, SPAN_NONE, &h), ERR_SYNTAX);
	cr_expect_eq(h, 42);
}
