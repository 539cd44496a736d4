"""Words of our own to the customer, in the customer's language; never an internal word.

The widget has texts for its own controls; these are stored as messages and therefore belong to
the conversation. A language we do not have falls back to English.
"""

LANGUAGES = ("en", "fr", "de", "es", "it", "pt", "nl", "zh", "ar")

TEXTS: dict[str, dict[str, str]] = {
    "looking": {
        "en": "We are looking for someone to help you. You can keep writing here meanwhile.",
        "fr": "Nous cherchons quelqu’un pour vous aider. Vous pouvez continuer à écrire ici.",
        "de": "Wir suchen jemanden, der Ihnen hilft. Sie können hier weiterschreiben.",
        "es": "Buscamos a alguien que le ayude. Mientras tanto puede seguir escribiendo aquí.",
        "it": "Cerchiamo qualcuno che possa aiutarla. Nel frattempo può continuare a scrivere.",
        "pt": "Estamos à procura de alguém para ajudar. Pode continuar a escrever aqui.",
        "nl": "We zoeken iemand die u kan helpen. U kunt hier intussen blijven schrijven.",
        "zh": "我们正在为您联系工作人员，您可以继续在这里留言。",
        "ar": "نبحث عن شخص لمساعدتك. يمكنك مواصلة الكتابة هنا.",
    },
    "joined": {
        "en": "{name} has joined and can see the whole conversation.",
        "fr": "{name} vous a rejoint et voit toute la conversation.",
        "de": "{name} ist jetzt da und sieht das ganze Gespräch.",
        "es": "{name} se ha unido y ve toda la conversación.",
        "it": "{name} è ora con lei e vede tutta la conversazione.",
        "pt": "{name} entrou e vê toda a conversa.",
        "nl": "{name} is erbij gekomen en ziet het hele gesprek.",
        "zh": "{name} 已加入，并能看到完整的对话。",
        "ar": "انضم {name} ويمكنه رؤية المحادثة كاملة.",
    },
    "still_looking": {
        "en": "Thank you for waiting. We are still looking for someone.",
        "fr": "Merci de patienter. Nous cherchons toujours quelqu’un.",
        "de": "Danke für Ihre Geduld. Wir suchen noch jemanden.",
        "es": "Gracias por esperar. Seguimos buscando a alguien.",
        "it": "Grazie per l’attesa. Stiamo ancora cercando qualcuno.",
        "pt": "Obrigado por esperar. Ainda estamos à procura de alguém.",
        "nl": "Bedankt voor het wachten. We zoeken nog steeds iemand.",
        "zh": "感谢您的等待，我们仍在为您联系工作人员。",
        "ar": "شكرًا لانتظارك. ما زلنا نبحث عن شخص.",
    },
    "nobody": {
        "en": "I am sorry, nobody is free right now. Leave your e-mail address here and we will "
        "write to you, or go on with the assistant.",
        "fr": "Désolé, personne n’est libre pour le moment. Laissez votre adresse e-mail ici et "
        "nous vous écrirons, ou continuez avec l’assistant.",
        "de": "Leider ist gerade niemand frei. Hinterlassen Sie hier Ihre E-Mail-Adresse, dann "
        "schreiben wir Ihnen, oder machen Sie mit dem Assistenten weiter.",
        "es": "Lo sentimos, ahora no hay nadie libre. Deje aquí su correo y le escribiremos, o "
        "siga con el asistente.",
        "it": "Ci dispiace, al momento nessuno è libero. Lasci qui il suo indirizzo e-mail e le "
        "scriveremo, oppure continui con l’assistente.",
        "pt": "Lamentamos, ninguém está livre agora. Deixe aqui o seu e-mail e escrever-lhe-emos, "
        "ou continue com o assistente.",
        "nl": "Het spijt ons, er is nu niemand vrij. Laat hier uw e-mailadres achter, dan "
        "schrijven we u, of ga verder met de assistent.",
        "zh": "很抱歉，目前没有空闲的工作人员。请在此留下您的电子邮箱，我们会给您写信；您也可以继续与助手交谈。",
        "ar": "نأسف، لا يوجد أحد متاح الآن. اترك بريدك الإلكتروني هنا وسنكتب لك، أو تابع مع المساعد.",
    },
    "closed_hours": {
        "en": "Our team is away now and will be back {when}. Your message is kept for them. Leave "
        "your e-mail address here if you want the answer by mail, or go on with the assistant.",
        "fr": "Notre équipe est absente et sera de retour {when}. Votre message lui est gardé. "
        "Laissez votre adresse e-mail pour une réponse par courriel, ou continuez avec l’assistant.",
        "de": "Unser Team ist gerade nicht da und kommt {when} zurück. Ihre Nachricht bleibt "
        "erhalten. Hinterlassen Sie Ihre E-Mail-Adresse oder machen Sie mit dem Assistenten weiter.",
        "es": "Nuestro equipo no está y volverá {when}. Su mensaje queda guardado. Deje su correo "
        "si quiere la respuesta por e-mail, o siga con el asistente.",
        "it": "Il nostro team è assente e tornerà {when}. Il suo messaggio è conservato. Lasci il "
        "suo indirizzo e-mail oppure continui con l’assistente.",
        "pt": "A nossa equipa está ausente e volta {when}. A sua mensagem fica guardada. Deixe o "
        "seu e-mail ou continue com o assistente.",
        "nl": "Ons team is er nu niet en is {when} terug. Uw bericht blijft bewaard. Laat uw "
        "e-mailadres achter of ga verder met de assistent.",
        "zh": "我们的团队现在不在，将于 {when} 回来。您的留言已保存。您可以留下电子邮箱，或继续与助手交谈。",
        "ar": "فريقنا غير متواجد الآن وسيعود {when}. رسالتك محفوظة. اترك بريدك الإلكتروني أو تابع مع المساعد.",
    },
    "requeued": {
        "en": "We are finding someone else for you.",
        "fr": "Nous cherchons quelqu’un d’autre pour vous.",
        "de": "Wir suchen jemand anderen für Sie.",
        "es": "Buscamos a otra persona para usted.",
        "it": "Stiamo cercando un’altra persona per lei.",
        "pt": "Estamos à procura de outra pessoa para si.",
        "nl": "We zoeken iemand anders voor u.",
        "zh": "我们正在为您联系另一位工作人员。",
        "ar": "نبحث لك عن شخص آخر.",
    },
    "resolved": {
        "en": "This matter was closed. Write here any time if you need more.",
        "fr": "Cette demande est close. Écrivez ici à tout moment si besoin.",
        "de": "Das Anliegen ist abgeschlossen. Schreiben Sie jederzeit, wenn Sie mehr brauchen.",
        "es": "Este asunto se ha cerrado. Escriba aquí cuando lo necesite.",
        "it": "La richiesta è stata chiusa. Scriva qui quando vuole.",
        "pt": "Este assunto foi encerrado. Escreva aqui quando precisar.",
        "nl": "Deze vraag is afgesloten. Schrijf gerust als u meer nodig hebt.",
        "zh": "此事已处理完毕。如有需要，请随时在这里留言。",
        "ar": "أُغلق هذا الطلب. اكتب هنا في أي وقت إذا احتجت المزيد.",
    },
    "back": {
        "en": "You are with the assistant again.",
        "fr": "Vous êtes de nouveau avec l’assistant.",
        "de": "Sie sind wieder beim Assistenten.",
        "es": "Vuelve a estar con el asistente.",
        "it": "È di nuovo con l’assistente.",
        "pt": "Está de novo com o assistente.",
        "nl": "U bent weer bij de assistent.",
        "zh": "您现在重新由助手为您服务。",
        "ar": "عدت إلى المساعد.",
    },
    "offer": {
        "en": "Would you like to talk to a person?",
        "fr": "Voulez-vous parler à une personne ?",
        "de": "Möchten Sie mit einem Menschen sprechen?",
        "es": "¿Quiere hablar con una persona?",
        "it": "Vuole parlare con una persona?",
        "pt": "Quer falar com uma pessoa?",
        "nl": "Wilt u met iemand van ons spreken?",
        "zh": "您想与人工客服交谈吗？",
        "ar": "هل تود التحدث إلى شخص؟",
    },
    "trouble": {
        "en": "I am sorry, I could not answer that just now.",
        "fr": "Désolé, je n’ai pas pu répondre à l’instant.",
        "de": "Leider konnte ich gerade nicht antworten.",
        "es": "Lo siento, ahora no he podido responder.",
        "it": "Mi dispiace, ora non sono riuscito a rispondere.",
        "pt": "Lamento, agora não consegui responder.",
        "nl": "Sorry, ik kon daar nu geen antwoord op geven.",
        "zh": "抱歉，我刚才无法回答。",
        "ar": "عذرًا، لم أتمكن من الإجابة الآن.",
    },
    "unreachable": {
        "en": "I am sorry, our team cannot be reached at the moment. What you wrote is kept. "
        "Leave your e-mail address here and we will write to you, or go on with the assistant.",
        "fr": "Désolé, notre équipe est injoignable pour le moment. Vos messages sont gardés. "
        "Laissez votre adresse e-mail et nous vous écrirons, ou continuez avec l’assistant.",
        "de": "Unser Team ist gerade nicht erreichbar. Ihre Nachrichten bleiben erhalten. "
        "Hinterlassen Sie Ihre E-Mail-Adresse oder machen Sie mit dem Assistenten weiter.",
        "es": "Lo sentimos, no podemos contactar con el equipo ahora. Sus mensajes quedan "
        "guardados. Deje su correo y le escribiremos, o siga con el asistente.",
        "it": "Ci dispiace, il nostro team non è raggiungibile. I suoi messaggi sono conservati. "
        "Lasci il suo indirizzo e-mail oppure continui con l’assistente.",
        "pt": "Lamentamos, a nossa equipa não está contactável. As suas mensagens ficam "
        "guardadas. Deixe o seu e-mail ou continue com o assistente.",
        "nl": "Het spijt ons, ons team is nu niet bereikbaar. Uw berichten blijven bewaard. "
        "Laat uw e-mailadres achter of ga verder met de assistent.",
        "zh": "很抱歉，目前无法联系到我们的团队。您的留言已保存。请留下您的电子邮箱，或继续与助手交谈。",
        "ar": "نأسف، لا يمكن الوصول إلى فريقنا الآن. رسائلك محفوظة. اترك بريدك الإلكتروني أو تابع مع المساعد.",
    },
    "file_failed": {
        "en": "A file that was sent to you could not be delivered: {name}.",
        "fr": "Un fichier qui vous était destiné n’a pas pu être transmis : {name}.",
        "de": "Eine Datei an Sie konnte nicht zugestellt werden: {name}.",
        "es": "No se pudo entregar un archivo enviado a usted: {name}.",
        "it": "Un file inviato a lei non è stato consegnato: {name}.",
        "pt": "Um ficheiro enviado para si não pôde ser entregue: {name}.",
        "nl": "Een bestand voor u kon niet worden bezorgd: {name}.",
        "zh": "发送给您的文件未能送达：{name}。",
        "ar": "تعذر تسليم ملف مرسل إليك: {name}.",
    },
}


def language(locale: str) -> str:
    """Return the language of a BCP 47 locale that we have texts for, English by default."""
    found = locale.replace("_", "-").partition("-")[0].lower()
    return found if found in LANGUAGES else "en"


def words(key: str, locale: str, **values: str) -> str:
    """Return our text `key` in the customer's language, with its values put in."""
    text = TEXTS[key][language(locale)]
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text
